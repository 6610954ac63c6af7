"""Slack's own library for receivers, as a reference for what is taken and what is refused.

Usage: slack_receiver.py PORT API SECRET

Listens on PORT at /slack/events, with the Web API at API. It acknowledges the commands, clicks,
forms and shortcuts of the app, and shows an error at the field `reason` of every form.
"""

import logging
import sys

from slack_bolt import App
from slack_sdk import WebClient

ACTIONS = ("approve", "deny", "cancel", "extend", "finish", "revoke", "retro-review", "feedback")
FORMS = ACTIONS + ("request", "break-glass")


def main():
    port, api, secret = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    client = WebClient(token="xoxb-test", base_url=api)
    app = App(client=client, signing_secret=secret)

    def taken(ack):
        ack()

    def at_the_field(ack):
        ack(response_action="errors", errors={"reason": "please fill this in"})

    app.command("/access")(taken)
    for name in ACTIONS:
        app.action(name)(taken)
    for name in FORMS:
        app.view(name)(at_the_field)
    for name in ("request", "break-glass"):
        app.shortcut(name)(taken)
    print("Bolt listens", flush=True)
    app.start(port=int(port), http_server_logger_enabled=False)


main()
