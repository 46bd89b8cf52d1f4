"""Does the `openai` package talk to what Plumbline serves, with and without streaming?

python -m venv elsewhere && elsewhere/bin/pip install openai
python -m tests.parity.openai_client --python elsewhere/bin/python --model resources/starter
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

THERE = """
import sys
from openai import OpenAI, AuthenticationError, BadRequestError
client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2])
model = client.models.list().data[0].id
asked = dict(model=model, messages=[{"role": "user", "content": "What is 7 plus 5?"}], temperature=0, max_tokens=40)
whole = client.chat.completions.create(**asked)
parts = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
assert text == whole.choices[0].message.content, (text, whole)
assert parts[-1].usage == whole.usage and whole.usage.completion_tokens > 0
plain = client.completions.create(model=model, prompt="Once", temperature=0, max_tokens=20)
flowing = "".join(p.choices[0].text for p in client.completions.create(
    model=model, prompt="Once", temperature=0, max_tokens=20, stream=True))
assert flowing == plain.choices[0].text
for error, ask in ((BadRequestError, lambda: client.chat.completions.create(**asked, n=2)),
                   (AuthenticationError, lambda: OpenAI(base_url=sys.argv[1], api_key="no").models.list())):
    try:
        ask()
    except error as said:
        print("refused:", said.message)
    else:
        raise AssertionError(error)
print(f"{model}: {text!r}, {whole.choices[0].finish_reason}, {whole.usage.total_tokens} tokens")
"""


def main() -> int:
    """Serve, let it talk, and end."""
    from studio.processes.asking import Asking

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="a Python that has the openai package")
    parser.add_argument("--model", type=Path, required=True)
    arguments = parser.parse_args()
    token = "a token for this test"
    with tempfile.TemporaryDirectory() as folder, Asking("serve", Path(folder) / "serve.log") as worker:
        base = str(arguments.model.absolute())
        request = {"do": "serve", "base": base, "host": "127.0.0.1", "port": 0, "token": token}
        address = str(worker.ask(request, "serving")["address"])
        return subprocess.run([arguments.python, "-c", THERE, address, token], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
