"""A candidate worker without a model: it numbers its answers, and says no to a prompt that asks for it."""

import json
import sys


def say(**reply):
    sys.stdout.write(json.dumps(reply, ensure_ascii=False) + "\n")
    sys.stdout.flush()


say(reply="ready")
names = []
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "load":
        names = [author["name"] for author in request["authors"]]
        say(reply="loading", what=names[0])
        if "broken" in names[0]:
            say(reply="failed", id=None, what="The model is damaged.", hint="Choose another.", details="")
            continue
        say(reply="loaded", device="processor", precision="fp32")
        continue
    for prompt in request["prompts"]:
        words = prompt["messages"][-1]["content"]
        if "too long" in words:
            say(reply="failed", id=prompt["id"], what="The prompt is too long.", hint="", details="")
            continue
        answers = [
            {"text": f"{n} to {words}", "author": names[voice["author"]], "sampling": {"seed": voice["seed"]}}
            for n, voice in enumerate(prompt["voices"])
        ]
        say(reply="written", id=prompt["id"], answers=answers)
