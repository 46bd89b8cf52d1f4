"""A model built like Llama, as bare products and attention: what one token costs is what its arithmetic costs.

The numbers are those of transformers' own forward. Which models can be taken apart so is proved, not looked up: a few
tokens go both ways and must come out alike. Left out: gradients, experts, sliding windows, norms in other places,
weights of 4 or 8 bits; those go on through transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from studio.engine.decoding.abreast import Abreast
from studio.engine.decoding.layer import Heads, Layer
from studio.engine.decoding.low_rank import Adapter
from studio.engine.decoding.products import Linear, Product, RmsNorm, product
from studio.engine.decoding.rows import Rows
from studio.engine.decoding.tuned import Layers, Way

_THIN = 16 << 20  # bytes of weights, of which one thread writes sooner than several that wait for each other
_AT_ONCE, _FEWEST = 512, 64  # tokens of a prompt that are read in one pass, at the most and at the least
_PRODUCT = 4e9  # operations of one product, after which a stop is heard; some 50 ms of a slow processor
_PARTS = {"input_layernorm", "post_attention_layernorm", "self_attn", "mlp"}
_ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm"}
_MLP = {"gate_proj", "up_proj", "down_proj", "act_fn"}
_FIXED_ROPE = {"default", "linear", "llama3", "yarn"}  # whose angles don't depend on how long the text has become

Check = Callable[[], None]


class NotTaken(Exception):
    """The model is built in another way."""


class Decoder:
    """Reads prompts and writes on. Raises NotTaken for a model that is built in another way.

    packed: keep the weights a second time, in the order in which a processor's kernel reads them. check: called
    between the layers, and may raise to end a pass.
    """

    def __init__(self, model: Any, *, packed: bool, check: Check = lambda: None) -> None:
        self._check = check
        body: Any = getattr(model, "model", None)
        layers: Any = getattr(body, "layers", None)
        rotary: Any = getattr(body, "rotary_emb", None)
        head = model.get_output_embeddings()
        if not isinstance(layers, nn.ModuleList) or rotary is None or type(head) is not nn.Linear:
            raise NotTaken("other parts")
        if getattr(rotary, "rope_type", "") not in _FIXED_ROPE or getattr(model.config, "sliding_window", None):
            raise NotTaken("positions or attention of another kind")
        blocks: Any = layers
        first = blocks[0].self_attn
        self._width = int(getattr(first, "head_dim", 0))
        if not self._width or any(type(_bare(proj)) is not nn.Linear for proj in _projections(layers)):
            raise NotTaken("other layers")
        self._heads = first.q_proj.weight.shape[0] // self._width
        self._key_heads = first.k_proj.weight.shape[0] // self._width
        self._scaling = float(first.scaling)
        mlp = blocks[0].mlp
        self._act: Callable[[Tensor], Tensor] = mlp.act_fn
        self._model = model
        self._rotary: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = rotary
        self.embeddings: Tensor = body.embed_tokens.weight
        self._is_thin = sum(weight.nbytes for weight in model.parameters()) <= _THIN
        self._at_once = _AT_ONCE
        if self.embeddings.device.type == "cpu":
            largest = max(2 * mlp.gate_proj.weight.numel(), first.q_proj.weight.numel())
            self._at_once = int(min(_AT_ONCE, max(_FEWEST, _PRODUCT / (2 * largest))))
        thin = self._is_thin and self.embeddings.device.type == "cpu" and self.embeddings.dtype == torch.float32
        heads = Heads(self._heads, self._key_heads, self._width, self._scaling, self._act)
        self._layers = Layers([self._layer(layer, packed and not thin) for layer in layers], heads, thin=thin)
        self._norm = _norm(body.norm)
        self._head = product(head.weight, head.bias, packed=packed)
        self._angles: tuple[Tensor, Tensor] = (torch.empty(0), torch.empty(0))
        self._prove()

    def rows(self, lengths: Sequence[int]) -> Rows:
        """Room for prompts of so many tokens, a row each."""
        device = self.embeddings.device
        # A processor's attention of few tokens takes ten times as long in 16 bits as in 32, which hold the same numbers
        # and end up a rounding apart. One answer alone is transformers' own, as its products are.
        in_32_bits = device.type == "cpu" and len(lengths) > 1
        dtype = torch.float32 if in_32_bits else self.embeddings.dtype
        return Rows(len(self._layers.base), lengths, self._key_heads, self._width, dtype, device)

    def read(self, rows: Rows, row: int, prompt: Sequence[int], known: int, adapter: Adapter | None) -> Tensor:
        """Read a prompt into its row, of which the first `known` tokens are there. Returns the logits [vocabulary] that
        follow its end."""
        hidden = torch.empty(0)
        for start in range(known, len(prompt), self._at_once):
            hidden = self._prompt_part(rows, row, start, prompt[start : start + self._at_once], adapter)
        return self._head(self._norm(hidden))[0]

    def way_of(self, adapters: Sequence[Adapter | None]) -> Way:
        """What rows are written with, each through its adapter; those of None are the base's alone."""
        return self._layers.for_rows(adapters)

    def write(self, rows: Rows, tokens: Tensor, way: Way) -> Tensor:
        """Put one token [rows] behind each row. Returns the logits [rows, vocabulary] that follow them. way: that of
        the rows' adapters. When `check` raises it is as if it wasn't called."""
        column, threads = rows.advance(), torch.get_num_threads()
        if self._is_thin:
            torch.set_num_threads(1)
        try:
            return self._write(rows, column, tokens, way)
        except BaseException:
            rows.end = column
            raise
        finally:
            torch.set_num_threads(threads)

    def _write(self, rows: Rows, column: int, tokens: Tensor, way: Way) -> Tensor:
        cos, sin = self._angles_to(column + 1)
        if rows.mask is None:
            cos, sin = cos[column, None, None], sin[column, None, None]
        else:
            places = column - rows.offsets
            cos, sin = cos[places, None], sin[places, None]
        mask = None if rows.mask is None else rows.mask[..., : column + 1]
        hidden = F.embedding(tokens, self.embeddings)
        if isinstance(way, Abreast):
            hidden = way(hidden, (cos, sin), rows.layers, column, mask, self._check)
            return self._head(self._norm(hidden))
        count, groups = len(tokens), self._heads // self._key_heads

        def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            kept_keys, kept_values = rows.layers[layer]
            kept_keys[:, :, column] = keys
            kept_values[:, :, column] = values
            # Heads that share keys stand side by side as if they were tokens, so keys need not be repeated.
            side_by_side = queries.reshape(count, self._key_heads, groups, self._width)
            seen_keys, seen_values = kept_keys[:, :, : column + 1], kept_values[:, :, : column + 1]
            seen = F.scaled_dot_product_attention(
                side_by_side.to(seen_keys.dtype), seen_keys, seen_values, mask, scale=self._scaling
            )
            return seen.to(queries.dtype).reshape(count, -1)

        for number, layer in enumerate(way):
            self._check()
            hidden = self._block(number, layer, hidden, cos, sin, attend)
        return self._head(self._norm(hidden))

    def _prompt_part(self, rows: Rows, row: int, start: int, ids: Sequence[int], adapter: Adapter | None) -> Tensor:
        count, end = len(ids), start + len(ids)
        cos, sin = self._angles_to(end)
        cos, sin = cos[start:end, None], sin[start:end, None]
        first = rows.starts[row]
        device = self.embeddings.device
        # The first part sees itself alone; the later ones see all before them too.
        mask = None
        if start:
            mask = torch.ones(count, end, dtype=torch.bool, device=device).tril_(start)
        grouped = self._heads != self._key_heads

        def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            kept = [part[row : row + 1, :, first : first + end] for part in rows.layers[layer]]
            fresh = [part.transpose(0, 1)[None] for part in (keys, values)]
            for before, now in zip(kept, fresh, strict=True):
                before[:, :, start:] = now
            seen_keys, seen_values = (part.to(queries.dtype) for part in kept) if start else fresh
            alone = len(queries) == 1  # the end, which sees all
            out = F.scaled_dot_product_attention(
                queries.transpose(0, 1)[None],
                seen_keys,
                seen_values,
                None if alone else mask,
                is_causal=mask is None and not alone,
                scale=self._scaling,
                enable_gqa=grouped,
            )
            return out[0].transpose(0, 1).reshape(len(queries), -1)

        hidden = F.embedding(torch.tensor(ids, device=device), self.embeddings)
        for number, layer in enumerate(self._layers.for_all(adapter, alone=len(rows.starts) == 1)):
            hidden = self._block(number, layer, hidden, cos, sin, attend, self._check)
        return hidden  # of the end alone

    def _block(
        self,
        number: int,
        layer: Layer,
        hidden: Tensor,
        cos: Tensor,
        sin: Tensor,
        attend: Callable[[int, Tensor, Tensor, Tensor], Tensor],
        check: Check | None = None,
    ) -> Tensor:
        """One layer for tokens [tokens, width]. check: called between its products too; then the tokens are a prompt's,
        and behind the last layer's attention only their end is gone on with."""

        def through(product: Product, rows: Tensor) -> Tensor:
            if check is not None:
                check()
            return product(rows)

        heads, key_heads = self._heads, self._key_heads
        made = through(layer.q_k_v, layer.first_norm(hidden)).view(len(hidden), -1, self._width)
        turning, values = made.split_with_sizes((heads + key_heads, key_heads), 1)
        if layer.head_norms is not None:
            norm_q, norm_k = layer.head_norms
            turning = torch.cat([norm_q(turning[:, :heads]), norm_k(turning[:, heads:])], 1)
        turning = turning * cos + turning.roll(self._width // 2, -1) * sin
        queries, keys = turning.split_with_sizes((heads, key_heads), 1)
        if check is not None and number == len(self._layers.base) - 1:
            queries, hidden = queries[-1:], hidden[-1:]
        seen = attend(number, queries, keys, values)
        hidden = hidden + through(layer.out, seen)
        gate, up = through(layer.gate_up, layer.second_norm(hidden)).chunk(2, -1)
        return hidden + through(layer.down, self._act(gate) * up)

    def _layer(self, layer: Any, packed: bool) -> Layer:
        attention, mlp = layer.self_attn, layer.mlp
        for module, known in ((layer, _PARTS), (attention, _ATTENTION), (mlp, _MLP)):
            if not {name for name, _ in module.named_children()} <= known:
                raise NotTaken("more parts in a layer")
        norms = None
        if hasattr(attention, "q_norm"):
            norms = _norm(attention.q_norm), _norm(attention.k_norm)
        return Layer(
            _norm(layer.input_layernorm),
            _joined([_bare(attention.q_proj), _bare(attention.k_proj), _bare(attention.v_proj)], packed),
            norms,
            _joined([_bare(attention.o_proj)], packed),
            _norm(layer.post_attention_layernorm),
            _joined([_bare(mlp.gate_proj), _bare(mlp.up_proj)], packed),
            _joined([_bare(mlp.down_proj)], packed),
        )

    def _angles_to(self, count: int) -> tuple[Tensor, Tensor]:
        """Cosines and signed sines [places, width] for as many places as asked, or more."""
        if count > len(self._angles[0]):
            places = torch.arange(max(512, 2 * count), device=self.embeddings.device)
            cos, sin = self._rotary(self.embeddings, places[None])
            if cos.shape[-1] != self._width:
                raise NotTaken("heads that are turned in part")
            half = self._width // 2
            # With the sign here, turning a head by half its width takes the place of negating one half.
            self._angles = cos[0], torch.cat([-sin[0, :, :half], sin[0, :, half:]], -1)
        return self._angles

    @torch.inference_mode()
    def _prove(self) -> None:
        """Send a few tokens both ways."""
        vocabulary = len(self.embeddings)
        ids = [(7 + 37 * place) % vocabulary for place in range(9)]
        try:
            rows = self.rows([6, 8])
            self.read(rows, 0, ids[:6], 0, None)
            self.read(rows, 1, ids[:4], 0, None)
            self.read(rows, 1, ids[:8], 4, None)
            ours = self.write(rows, torch.tensor([ids[6], ids[8]], device=self.embeddings.device), self._layers.base)
            theirs = [
                self._model(input_ids=torch.tensor([some], device=self.embeddings.device), use_cache=False).logits[
                    0, -1
                ]
                for some in (ids[:7], ids)
            ]
        except (RuntimeError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise NotTaken(str(error)) from error
        known = torch.stack(theirs).float()
        tolerance = 1e-3 if self.embeddings.dtype == torch.float32 else 0.1
        if float((ours.float() - known).abs().max()) > tolerance * max(1.0, float(known.square().mean().sqrt())):
            raise NotTaken("it computes something else")


def _projections(layers: nn.ModuleList) -> list[nn.Module]:
    names = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
    names += ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    try:
        return [layer.get_submodule(name) for layer in layers for name in names]
    except AttributeError as error:
        raise NotTaken("other layers") from error


def _bare(module: Any) -> Any:
    """A layer without the adapters around it."""
    return getattr(module, "base_layer", module)


def _joined(parts: Sequence[nn.Linear], packed: bool) -> Linear:
    """Several products of the same rows as one. The layers keep their weights as views of the joined ones, so that
    nothing is in memory twice."""
    if len(parts) == 1:
        return product(parts[0].weight, parts[0].bias, packed=packed)
    whole = torch.cat([part.weight.detach() for part in parts])
    biases = [part.bias for part in parts]
    if any((bias is None) != (biases[0] is None) for bias in biases):
        raise NotTaken("biases in some products alone")
    for part, rows in zip(parts, whole.split([part.weight.shape[0] for part in parts]), strict=True):
        part.weight.data = rows
    bias = torch.cat([one.detach() for one in biases]) if biases[0] is not None else None
    return product(whole, bias, packed=packed)


def _norm(module: Any) -> Product:
    """A norm as one call of torch's where that is the same to the bit, else as the model has it."""
    weight, eps = getattr(module, "weight", None), getattr(module, "variance_epsilon", None)
    if isinstance(weight, Tensor) and isinstance(eps, float):
        shape = (weight.shape[0],)
        with torch.no_grad():
            probe = torch.linspace(-3, 2, 2 * shape[0], device=weight.device).reshape(2, -1).to(weight.dtype)
            if torch.equal(F.rms_norm(probe, shape, weight, eps), module(probe)):
                return RmsNorm(weight.detach(), eps)
    return module
