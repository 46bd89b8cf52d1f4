"""Built-in prompt templates, as Jinja chat templates over `messages`; the model's own is the default when it has one.

Only the texts are here: rendering them, and marking which tokens are trained, is `engine.encoding`.
"""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.errors import StudioError, did_you_mean

MODELS_OWN = "model"


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A way of writing a conversation as one text.

    `jinja` sees `messages`, `add_generation_prompt`, `bos_token` and `eos_token`.
    """

    name: str
    label: str
    about: str
    jinja: str


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
    "{% if message.role == 'assistant' %}{{ eos_token }}{% else %}<|im_end|>{% endif %}{{ '\\n' }}"
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
        "chatml",
        "ChatML",
        "<|im_start|> before each turn; choose it for models that know these tokens.",
        _CHATML,
    ),
)


def template_named(name: str) -> PromptTemplate:
    """The built-in template of that name. Raises StudioError for an unknown one."""
    for template in BUILT_IN:
        if template.name == name:
            return template
    known = [MODELS_OWN, *(template.name for template in BUILT_IN)]
    raise StudioError(
        f"There is no prompt template called “{name}”.",
        did_you_mean(name, known) or f"Choose one of {', '.join(known)}.",
    )
