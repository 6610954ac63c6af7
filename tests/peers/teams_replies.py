"""Microsoft's own models as judges of answers to clicks in Teams.

Usage: teams_replies.py REPLIES

REPLIES is a JSON file with a list of answers. Each has to be one that the SDK's union of answers takes;
answers with a defect must not be. Prints a JSON object with what was taken, refused and wrong.
"""

import json
import sys

from microsoft_teams.api import AdaptiveCardActionResponse
from pydantic import TypeAdapter, ValidationError

MODEL = TypeAdapter(AdaptiveCardActionResponse)
CARD = "application/vnd.microsoft.card.adaptive"
MESSAGE = "application/vnd.microsoft.activity.message"

BAD = [
    {"statusCode": 403, "type": MESSAGE, "value": "no"},
    {"statusCode": 200, "type": "text/plain", "value": "no"},
    {"statusCode": 200, "type": CARD, "value": "no card"},
    {"statusCode": 200, "type": MESSAGE, "value": {"text": "no words"}},
    {"statusCode": 200, "type": MESSAGE},
    {},
    [],
]


def takes(reply):
    # The model of errors asks for an inner error of HTTP, which the documentation does not know.
    if isinstance(reply, dict) and str(reply.get("type")).endswith("microsoft.error"):
        value = reply.get("value")
        if not isinstance(value, dict) or set(value) != {"code", "message"}:
            return False
        inner = {"statusCode": 400, "body": {}}
        reply = {**reply, "value": {**value, "innerHttpError": inner}}
    # The model knows one spelling of the width, the documentation of Teams the other.
    if isinstance(reply, dict) and isinstance(reply.get("value"), dict):
        value = dict(reply["value"])
        if value.get("msteams") == {"width": "Full"}:
            reply = {**reply, "value": {**value, "msteams": {"width": "full"}}}
    try:
        MODEL.validate_python(reply)
    except ValidationError:
        return False
    return True


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        replies = json.load(file)
    wrong = [reply for reply in replies if not takes(reply)]
    wrong += [reply for reply in BAD if takes(reply)]
    counts = {"taken": sum(map(takes, replies)), "refused": sum(not takes(bad) for bad in BAD)}
    print(json.dumps({**counts, "wrong": wrong}))


main()
