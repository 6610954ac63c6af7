"""Slack's own library as a judge of what the chatbot draws.

Usage: slack_cards.py FOLDER

Every message and modal of the folder must parse into its models and back without losing anything,
and keep their limits. Then samples with one defect each must be refused: a judge that takes
everything says nothing. Prints what it counted.
"""

import json
import pathlib
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

# Slack's library does not keep the limits of a message, which has fewer blocks than a modal.
MESSAGE_BLOCKS = 50
TEXT = 40_000


class Refused(Exception):
    """What is wrong, in words."""


def lost(before, after, place="$"):
    """What the models do not know of what was written: they drop it without a word."""
    if isinstance(before, dict):
        if not isinstance(after, dict):
            return f"{place} is gone"
        for key, value in before.items():
            if key not in after:
                return f"{place}.{key} is unknown"
            found = lost(value, after[key], f"{place}.{key}")
            if found:
                return found
        return None
    if isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            return f"{place} has lost members"
        pairs = enumerate(zip(before, after))
        found = (lost(one, other, f"{place}[{n}]") for n, (one, other) in pairs)
        return next((what for what in found if what), None)
    return None if before == after else f"{place} is {after!r}, was {before!r}"


def blocks(written):
    parsed = Block.parse_all(written)
    if any(block is None for block in parsed):
        raise Refused("a block of an unknown type")
    what = lost(written, [block.to_dict() for block in parsed])
    if what:
        raise Refused(what)


def judge_message(message):
    if set(message) != {"text", "blocks"}:
        raise Refused("a message has a text and blocks")
    if not 0 < len(message["text"]) <= TEXT:
        raise Refused("the text is empty or too long")
    if not 0 < len(message["blocks"]) <= MESSAGE_BLOCKS:
        raise Refused("too many blocks")
    blocks(message["blocks"])


def judge_view(view):
    blocks(view["blocks"])
    what = lost(view, View(**view).to_dict())
    if what:
        raise Refused(what)
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    if inputs and "submit" not in view:
        raise Refused("a modal with inputs has no submit")


def refuses(judge, sample):
    try:
        judge(sample)
    except (Refused, SlackObjectFormationError):
        return True
    return False


def plain(text):
    return {"type": "plain_text", "text": text}


def bad_messages():
    def one(block):
        return {"text": "x", "blocks": [block]}

    button = {"type": "button", "action_id": "approve", "text": plain("x"), "value": "1"}

    def buttons(*elements):
        return one({"type": "actions", "elements": list(elements)})

    yield one({"type": "section", "text": plain("x" * 3001)})
    yield one({"type": "section"})
    yield one({"type": "header", "text": plain("x" * 151)})
    yield one({"type": "unheard-of"})
    yield one({"type": "header", "text": plain("x"), "unheard-of": 1})
    yield one({"type": "context", "elements": [plain("x")] * 11})
    yield one({"type": "actions", "elements": [button] * 26})
    yield buttons(dict(button, text=plain("x" * 76)))
    yield buttons(dict(button, value="x" * 2001))
    yield buttons(dict(button, style="huge"))
    yield buttons(dict(button, action_id="x" * 256))
    yield one({"type": "section", "fields": [plain("x")] * 11})
    yield {"text": "", "blocks": [{"type": "header", "text": plain("x")}]}
    yield {"text": "x", "blocks": [{"type": "header", "text": plain("x")}] * 51}


def bad_views(good):
    yield dict(good, title=plain("x" * 25))
    yield dict(good, submit=plain("x" * 25))
    yield dict(good, private_metadata="x" * 3001)
    yield dict(good, callback_id="x" * 256)
    yield dict(good, type="window")
    yield dict(good, blocks=[{"type": "header", "text": plain("x")}] * 101)
    yield {key: value for key, value in good.items() if key != "submit"}
    element = {"type": "static_select", "action_id": "x"}
    option = {"text": plain("x"), "value": "x"}
    field = {"type": "input", "block_id": "x", "label": plain("x")}
    yield dict(good, blocks=[dict(field, element=dict(element, options=[option] * 101))])
    label = dict(field, label=plain("x" * 2001))
    yield dict(good, blocks=[dict(label, element=dict(element, options=[option]))])


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def main(folder):
    wrong, messages, views = [], 0, 0

    def good(judge, drawn, name):
        try:
            judge(drawn)
        except (Refused, SlackObjectFormationError) as why:
            wrong.append(f"{name}: {why}")

    for path in sorted((folder / "slack").glob("*.json")):
        for reader, message in read(path).items():
            good(judge_message, message, f"{path.name} {reader}")
            messages += 1
    for file in ["slack-modals.json", "slack-notices.json"]:
        for name, view in read(folder / file).items():
            good(judge_view, view, f"{file} {name}")
            views += 1
    bad = [(judge_message, sample) for sample in bad_messages()]
    request = read(folder / "slack-modals.json")["request"]
    bad += [(judge_view, sample) for sample in bad_views(request)]
    for judge, sample in bad:
        if not refuses(judge, sample):
            wrong.append(f"taken although it is wrong: {json.dumps(sample)[:300]}")
    if not messages or not views:
        wrong.append("there was nothing to judge")
    if wrong:
        sys.exit("\n".join(wrong))
    print(
        f"counted: slack-sdk took {messages} messages and {views} modals"
        f" and refused {len(bad)} with a defect"
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
