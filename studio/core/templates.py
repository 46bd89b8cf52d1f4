"""Built-in prompt templates, as Jinja chat templates over `messages`; the model's own is the default when it has one.

Only the texts are here: rendering them, and marking which tokens are trained, is `engine.encoding`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from studio.core.errors import StudioError, did_you_mean

MODELS_OWN = "model"


_WRITTEN = re.compile(r"\{[{%#]")  # what makes a text a template of one's own, not a template's name
_NAMED = re.compile(r"\A\{#-?\s*(.*?)\s*-?#\}", re.DOTALL)
_END = "{{ end_of_turn }}"


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A way of writing a conversation as one text.

    text: Jinja that sees `messages`, `tools`, `add_generation_prompt`, `bos_token`, `eos_token` and what other special
    tokens the tokenizer has. end: the token that ends a turn in this format, for models that know it.
    """

    name: str
    label: str
    about: str
    text: str
    end: str = ""

    @property
    def jinja(self) -> str:
        """For a model that knows none of the format's own tokens: an answer ends with the tokenizer's own end."""
        return self.text.replace(_END, "{{ eos_token }}")

    def jinja_for(self, tokens: Collection[str]) -> str:
        """For a model that knows these tokens."""
        return self.text.replace(_END, self.end) if self.end and self.end in tokens else self.jinja


# The renderer drops a newline that follows a block tag, so what must stay is written inside {{ }}.
# Every template ends an answer with the tokenizer's end-of-sequence token: a model that never saw one never stops.
_ALPACA = (
    "{{ bos_token }}"
    "{% if messages[0].role != 'system' %}Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n{% endif %}"
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% elif message.role == 'user' %}### Instruction:\n{{ message.content }}\n\n"
    "{% else %}### Response:\n{{ message.content }}{{ eos_token }}{{ '' if loop.last else '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}### Response:\n{% endif %}"
)

_CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% if message.role == 'assistant' %}{{ end_of_turn }}{% else %}<|im_end|>{% endif %}{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_TRANSCRIPT = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% elif message.role == 'user' %}Human: {{ message.content }}\n\n"
    "{% else %}Assistant: {{ message.content }}{{ eos_token }}{{ '' if loop.last else '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)

# As in Llama 2's own code: the system's words stand inside the first question, and every question begins anew with BOS.
_LLAMA2 = (
    "{% set kept = namespace(system='') %}"
    "{% for message in messages %}"
    "{% if message.role == 'system' %}"
    "{% set kept.system = '<<SYS>>\\n' + message.content + '\\n<</SYS>>\\n\\n' %}"
    "{% elif message.role == 'user' %}"
    "{{ bos_token }}[INST] {{ kept.system }}{{ message.content }} [/INST]{% set kept.system = '' %}"
    "{% else %} {{ message.content }} {{ eos_token }}{% endif %}"
    "{% endfor %}"
)

_LLAMA3 = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content | trim }}"
    "{% if message.role == 'assistant' %}{{ end_of_turn }}{% else %}<|eot_id|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)

_GEMMA = (
    "{{ bos_token }}"
    "{% set kept = namespace(system='') %}"
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{% set kept.system = message.content + '\\n\\n' %}"
    "{% elif message.role == 'user' %}<start_of_turn>user\n"
    "{{ kept.system }}{{ message.content | trim }}<end_of_turn>\n{% set kept.system = '' %}"
    "{% else %}<start_of_turn>model\n{{ message.content | trim }}{{ end_of_turn }}{{ '\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)

_MISTRAL = (
    "{{ bos_token }}"
    "{% set kept = namespace(system='') %}"
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{% set kept.system = message.content + '\\n\\n' %}"
    "{% elif message.role == 'user' %}[INST] {{ kept.system }}{{ message.content }} [/INST]{% set kept.system = '' %}"
    "{% else %} {{ message.content }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)

_PHI = (
    "{% for message in messages %}"
    "<|{{ message.role }}|>\n{{ message.content }}"
    "{% if message.role == 'assistant' %}{{ end_of_turn }}{% else %}<|end|>{% endif %}{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

_PLAIN = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% elif message.role == 'user' %}"
    "{% set words = (message.content | trim).split('\\n', 1) %}"
    "Instruction: {{ words[0] }}\n{% if words | length > 1 %}Input: {{ words[1] | trim }}{{ '\\n' }}{% endif %}"
    "{% else %}Response: {{ message.content }}{{ eos_token }}{{ '' if loop.last else '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Response:{% endif %}"
)

BUILT_IN: tuple[PromptTemplate, ...] = (
    PromptTemplate(
        "alpaca",
        "Alpaca",
        "### Instruction / ### Response, for base models that have no template of their own.",
        _ALPACA,
    ),
    PromptTemplate(
        "transcript",
        "Human / Assistant",
        "A plain transcript with Human: and Assistant: before each turn.",
        _TRANSCRIPT,
    ),
    PromptTemplate(
        "plain",
        "Instruction / Input / Response",
        "These words before each part, and nothing else; what follows a question's first line is its Input.",
        _PLAIN,
    ),
    PromptTemplate(
        "chatml",
        "ChatML",
        "<|im_start|> before each turn; choose it for models that know these tokens.",
        _CHATML,
        "<|im_end|>",
    ),
    PromptTemplate("llama2", "Llama 2", "[INST] … [/INST] with <<SYS>>, for the family of Llama 2.", _LLAMA2),
    PromptTemplate(
        "llama3",
        "Llama 3",
        "<|start_header_id|> before each turn, for the family of Llama 3.",
        _LLAMA3,
        "<|eot_id|>",
    ),
    PromptTemplate("mistral", "Mistral", "[INST] … [/INST] without system turns, for Mistral and Mixtral.", _MISTRAL),
    PromptTemplate(
        "gemma", "Gemma", "<start_of_turn> before each turn, for the family of Gemma.", _GEMMA, "<end_of_turn>"
    ),
    PromptTemplate("phi", "Phi", "<|user|> and <|assistant|>, for the family of Phi-3.", _PHI, "<|end|>"),
)


def template_named(name: str) -> PromptTemplate:
    """The built-in template of that name, or the one whose text is given in its place. Raises StudioError for an
    unknown name."""
    if _WRITTEN.search(name):
        return own_template(name)
    for template in BUILT_IN:
        if template.name == name:
            return template
    known = [MODELS_OWN, *(template.name for template in BUILT_IN)]
    raise StudioError(
        f"There is no prompt template called “{name}”.",
        did_you_mean(name, known) or f"Choose one of {', '.join(known)}, or give a template's text.",
    )


def own_template(text: str, label: str = "") -> PromptTemplate:
    """A template of one's own. Its text is its name wherever a recipe asks for one, and a comment at the very beginning
    says what people call it."""
    called = _NAMED.match(text)
    if label and not called:
        safe = label.replace("#}", "")
        text = f"{{# {safe} #}}{text}"
    shown = label or (called[1] if called and called[1] else "Your own template")
    return PromptTemplate(text, shown, "Written by you.", text)


def without_name(text: str) -> str:
    """A template's text as it is edited: without the comment that names it."""
    return _NAMED.sub("", text, count=1)
