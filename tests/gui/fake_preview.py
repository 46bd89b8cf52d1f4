"""A preview worker without a model: tokens are words, the assistant's are trained. Odd requests have odd answers."""

import json
import os
import re
import sys


def main() -> None:
    print(json.dumps({"reply": "ready"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "text" in request:
            request |= {"messages": [{"role": "assistant", "content": request["text"]}], "template": ""}
        said = request["messages"][0]["content"]
        if said == "crash":
            print("RuntimeError: no words left", file=sys.stderr, flush=True)
            os._exit(9)
        if said == "fail":
            words = {"what": "It has no turns.", "hint": "Add one.", "details": ""}
            print(json.dumps({"reply": "failed", "id": request["id"], **words}), flush=True)
            continue
        if said == "silence":
            continue
        if "{% endfo %}" in request["template"]:
            words = {"what": "It can't be written: line 3: unknown tag 'endfo'.", "hint": "", "details": ""}
            print(json.dumps({"reply": "failed", "id": request["id"], **words}), flush=True)
            continue
        tokens = [["<s>", 1, False, True]]
        for turn in request["messages"]:
            words = re.findall(r"\S+|\s", turn["content"] + "\n")
            tokens += [[word, 100 + len(word), turn["role"] == "assistant", False] for word in words]
        kept = tokens[: request["max_length"]]
        reply = {
            "reply": "preview",
            "id": request["id"],
            "tokens": kept,
            "total": len(kept),
            "trained": sum(token[2] for token in kept),
            "template": request["template"] + "".join(f" and {role}" for role in request.get("also", [])),
            "warnings": ["The end is cut off."] if len(kept) < len(tokens) else [],
        }
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
