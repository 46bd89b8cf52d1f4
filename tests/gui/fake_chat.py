"""A chat worker without a model. The message that it is sent says what it does: see `answer`."""

import json
import os
import sys
import threading
import time

stopped = threading.Event()
stubborn = threading.Event()  # then the end of its input doesn't end it
kinds = {}  # of each pane: base or tuned


def say(**reply):
    sys.stdout.write(json.dumps(reply, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def load(request):
    voices = request["voices"]
    names = {}
    for pane, voice in voices.items():
        base = os.path.basename(voice["base"])
        adapter = os.path.basename(os.path.dirname(voice["adapter"])) if voice["adapter"] else ""
        say(reply="loading", what=base)
        if "broken" in adapter:
            return say(reply="failed", id=None, what="The adapter is damaged.", hint="Train it again.", details="why")
        names[pane] = {"name": f"{base} + {adapter}" if adapter else base, "context": 64, "precision": "fp32 (small)"}
        kinds[pane] = "tuned" if adapter else "base"
    say(reply="loaded", voices=names, device="processor", in_turns=False)


def read(request):
    tokens = request["answer"].split()
    half = [0.5] * len(tokens)
    figures = {"log_probs": [-1.0] * len(tokens), "alternatives": [[["a", 0.5], ["<b>", 0.25]]] * len(tokens)}
    beside = {"base_log_probs": [-2.0] * len(tokens), "kl": half}
    if kinds[request["voice"]] == "base":
        beside = {"base_log_probs": None, "kl": None}
    say(reply="read", id=request["id"], model="really", tokens=[f"{token} " for token in tokens], **figures, **beside)


def look_ahead(request):
    say(reply="next", id=request["id"], model="really", tokens=[["<i>", 0.6, 1.0], ["b", 0.4, 0.0]])


def count(request):
    words = sum(len(message["content"].split()) for message in request["messages"])
    say(reply="count", id=request["id"], tokens=words)


def score(request):
    if "broken" in request["model"]:
        return say(reply="failed", id=request["id"], what="The reward model is damaged.", hint="", details="")
    say(reply="score", id=request["id"], model="judge", rewards=[float(len(a)) for a in request["answers"]])


def answer(request):
    number = request["id"]
    asked = {pane: values["messages"] for pane, values in request["panes"].items()}
    seed = next(iter(request["panes"].values()))["sampling"]["seed"]
    first = next(iter(asked))
    prompt = asked[first][-1]["content"]
    if prompt == "too long":
        return say(reply="failed", id=number, what="The conversation is too long.", hint="Shorten it.", details="")
    for pane in asked:
        kind, left_out = kinds[request["panes"][pane]["voice"]], 2 if prompt == "long talk" else 0
        say(reply="begun", id=number, pane=pane, model=f"really {kind}", prompt_tokens=3, left_out=left_out)
    if prompt == "crash":
        say(reply="text", id=number, pane=first, text="half an ")
        print("RuntimeError: out of words", file=sys.stderr, flush=True)
        os._exit(9)
    pieces = {pane: [f"{pane} ", f"turn {len(m)} ", f"seed {seed}"] for pane, m in asked.items()}
    for pane, values in request["panes"].items():
        if values.get("held"):
            pieces[pane] = [" and", " on", "."]
    if prompt == "same":
        pieces = {pane: ["alike", "", ""] for pane in pieces}
    if prompt == "html":
        pieces = {pane: ["<b>bold</b>\n", "<script>x</script> & \u2028 end"] for pane in pieces}
    if prompt == "broken bytes":
        text = b'{"reply": "text", "id": %d, "pane": "left", "text": "br\xff\xc3ken"}\n' % number
        for raw in (text, b"\xf0\x28 no json\n"):
            sys.stdout.buffer.write(raw)
            sys.stdout.buffer.flush()
    if prompt == "stubborn":
        stubborn.set()
    step = 0
    while (prompt in ("endless", "stubborn") and not stopped.is_set()) or step < 3:
        for pane, texts in pieces.items():
            say(reply="text", id=number, pane=pane, text=texts[step % len(texts)] if step % 3 < len(texts) else "")
        step += 1
        time.sleep(0.002)
    ended = "stopped" if stopped.is_set() else "end of turn"
    for pane in request["panes"]:
        say(reply="done", id=number, pane=pane, tokens=step, seconds=0.5, ended=ended)


def main():
    requests = []
    more = threading.Condition()

    def listen():
        for line in sys.stdin:
            request = json.loads(line)
            if request["do"] == "stop":
                stopped.set()
                continue
            with more:
                requests.append(request)
                more.notify()
        if not stubborn.is_set():
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    say(reply="ready")
    while True:
        with more:
            more.wait_for(lambda: requests)
            request = requests.pop(0)
        stopped.clear()
        {"load": load, "answer": answer, "read": read, "next": look_ahead, "count": count, "score": score}[
            request["do"]
        ](request)


if __name__ == "__main__":
    main()
