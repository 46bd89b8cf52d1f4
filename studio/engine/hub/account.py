"""The user's Hugging Face token: huggingface_hub keeps it, and it is sent only where a request asks for that.

It is never written to a log, and no reply holds it.
"""

from __future__ import annotations

from typing import Any

from studio.core.errors import StudioError


def token_for(values: dict[str, Any]) -> str | bool:
    """What a request sends: the token when it says `use_token`, or none. Raises StudioError when there is none."""
    if not values.get("use_token"):
        return False
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise StudioError("You are not signed in to Hugging Face.", "Sign in first, or go on without your token.")
    return token


def is_signed_in() -> bool:
    """Whether a token is kept on this computer."""
    from huggingface_hub import get_token

    return bool(get_token())


def sign_in(token: str) -> str:
    """Have huggingface_hub check and keep a token. The account's name. Raises StudioError."""
    from huggingface_hub import HfApi, login
    from huggingface_hub.errors import HfHubHTTPError

    token = token.strip()
    if not token.startswith("hf_") or not token.isascii() or len(token.split()) != 1:
        raise StudioError(
            "That is no access token of Hugging Face, which begins with “hf_”.",
            "Make one of the kind “Read” in your settings there, and copy it whole.",
        )
    try:
        login(token, add_to_git_credential=False)
        return str(HfApi().whoami(token).get("name") or "")
    except (ValueError, HfHubHTTPError) as error:
        if isinstance(error, HfHubHTTPError) and error.response.status_code not in (400, 401, 403):
            raise
        raise StudioError(
            "Hugging Face doesn't accept this token.", "It may have been revoked; make another one."
        ) from None


def sign_out() -> None:
    """Have huggingface_hub forget the token."""
    from huggingface_hub import logout

    logout()
