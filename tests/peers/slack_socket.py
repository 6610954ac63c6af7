"""Slack's own client of Socket Mode, as a judge of the server that the tests have for it.

Usage: slack_socket.py API

Connects with the Web API at API, acknowledges everything with a text, and prints `connected`.
"""

import logging
import sys
import threading

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse


def main():
    (api,) = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    web = WebClient(token="xoxb-test", base_url=api)
    client = SocketModeClient(app_token="xapp-1", web_client=web)

    def taken(client, request):
        answer = SocketModeResponse(envelope_id=request.envelope_id, payload={"text": "taken"})
        client.send_socket_mode_response(answer)

    client.socket_mode_request_listeners.append(taken)
    client.connect()
    print("connected", flush=True)
    threading.Event().wait()


main()
