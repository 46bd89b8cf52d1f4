"""A chat worker without a model: echoes each request, and does what a request's "mode" says."""

import json
import os
import sys


def main() -> None:
    print(json.dumps({"reply": "ready"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        mode = request.get("mode")
        if mode == "garbage":
            os.write(1, b"\xff\xfe not json\n[1, 2]\n")
            os.write(2, b"noise " * 200_000)
        if mode == "crash":
            print("RuntimeError: out of words", file=sys.stderr, flush=True)
            os._exit(9)
        print(json.dumps({"reply": "echo", "request": request}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
