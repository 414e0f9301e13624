"""Questions to a node's own engine, past the node."""

import http.client
import json
import socket


class OverSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask_engine(folder, question):
    """What the engine of the node in this folder answers; OSError or HTTPException while it does not."""
    connection = OverSocket(folder + "/engine/rpc.sock")
    try:
        connection.request("GET", question)
        return json.loads(connection.getresponse().read())["result"]
    finally:
        connection.close()
