"""keywire driven by Python's `websockets` and `jsonpatch`: another client and another patch library than the Node tests use.

Run by `python -m unittest` from the virtual environment at the repository's root (see requirements.txt), with KEYWIRE and
KEYWIRE_LANES as for the Node tests.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import random
import socket
import subprocess
import time
import unittest
import urllib.request

import jsonpatch
import websockets
from websockets.asyncio.client import connect

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = os.environ.get("KEYWIRE", str(TARGET / "debug" / "keywire"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Connection:
    """One native connection: replies by id, feed frames by feed number."""

    def __init__(self, ws):
        self.ws = ws
        self.next_id = 0
        self.feeds = {}

    async def frame(self):
        return json.loads(await asyncio.wait_for(self.ws.recv(), 8))

    async def request(self, **body):
        self.next_id += 1
        await self.ws.send(json.dumps({"id": self.next_id, **body}))
        while True:
            frame = await self.frame()
            if frame.get("id") == self.next_id:
                if "feed" in frame:
                    self.feeds[frame["feed"]] = frame
                return frame
            self.take(frame)

    def take(self, frame):
        """Applies a feed's frame to the value held for it."""
        held = self.feeds.get(frame.get("feed"))
        if held is None:
            return
        held.setdefault("frames", []).append(frame)
        if "patch" in frame:
            assert frame["rev"] == held["rev"] + 1, frame
            held["value"] = jsonpatch.apply_patch(held["value"], frame["patch"])
        elif "value" in frame:
            assert frame["rev"] > held["rev"], frame
            held["value"] = frame["value"]
        if "rev" in frame:
            held["rev"] = frame["rev"]

    async def command(self, *words):
        reply = await self.request(command=list(words))
        assert "error" not in reply, reply
        return reply["result"]


class WebSocketsTest(unittest.IsolatedAsyncioTestCase):
    # Further flags of the server, and what its clients are told of extensions.
    flags = []
    extensions = []

    @classmethod
    def key(cls, name):
        """A name of this class alone: both may run on one Redis, which keeps what it is given."""
        return f"py:{cls.__name__}:{name}"

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        line = [BINARY, "serve", "--listen", f"127.0.0.1:{cls.port}", *cls.flags]
        if os.environ.get("KEYWIRE_LANES"):
            line += ["--lanes", os.environ["KEYWIRE_LANES"]]
        # `with-backend.mjs` says where the servers of KEYWIRE_BACKEND are.
        if os.environ.get("KEYWIRE_BACKEND_URL"):
            line += ["--redis", os.environ["KEYWIRE_BACKEND_URL"]]
        cls.log = open(os.devnull, "wb")
        # The binary takes every KEYWIRE_… variable for a setting, so it gets none of this suite's.
        env = {name: value for name, value in os.environ.items() if not name.startswith("KEYWIRE")}
        cls.server = subprocess.Popen(line, stdout=cls.log, stderr=subprocess.STDOUT, env=env)
        for _ in range(400):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{cls.port}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                if cls.server.poll() is not None:
                    break
                time.sleep(0.025)
        cls.server.kill()
        raise RuntimeError("the server was not ready")

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        code = cls.server.wait(10)
        cls.log.close()
        assert code == 0, f"the server ended with {code}"

    def connect(self, path="/ws", **options):
        options.setdefault("subprotocols", ["keywire.v1.json"])
        return connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    async def open(self, stack, **options):
        ws = await stack.enter_async_context(self.connect(**options))
        connection = Connection(ws)
        connection.hello = (await connection.frame())["hello"]
        return connection

    async def asyncSetUp(self):
        self.stack = contextlib.AsyncExitStack()
        self.client = await self.open(self.stack)

    async def asyncTearDown(self):
        await self.stack.aclose()

    async def test_hello_and_subprotocol(self):
        self.assertEqual(self.client.ws.subprotocol, "keywire.v1.json")
        self.assertEqual([extension.name for extension in self.client.ws.protocol.extensions], self.extensions)
        self.assertIn("version", self.client.hello)
        self.assertLessEqual(*self.client.hello["reconnect_ms"])

    async def test_commands_of_every_shape(self):
        self.assertEqual(await self.client.command("SET", self.key("s"), "grüße 😀\n"), "OK")
        self.assertEqual(await self.client.command("GET", self.key("s")), "grüße 😀\n")
        self.assertEqual(await self.client.command("INCR", self.key("n")), 1)
        self.assertEqual(await self.client.command("HSET", self.key("h"), "f", 1, "g", "x"), 2)
        self.assertEqual(await self.client.command("HGETALL", self.key("h")), {"f": "1", "g": "x"})
        reply = await self.client.request(command=["LPUSH", self.key("s"), "x"])
        self.assertEqual(reply["error"]["code"], "WRONGTYPE")
        reply = await self.client.request(commands=[["INCR", self.key("n")], ["GET", self.key("n")]], atomic=True)
        self.assertEqual(reply["result"], [2, "2"])

    async def test_patches_by_another_library_converge(self):
        seed = int(os.environ.get("KEYWIRE_SEED", random.randrange(2**31)))
        rng = random.Random(seed)
        writer = await self.open(self.stack)
        reads = [["HGETALL", self.key("c:h")], ["ZRANGE", self.key("c:z"), "0", "5", "REV", "WITHSCORES"], ["LRANGE", self.key("c:l"), "0", "-1"], ["SMEMBERS", self.key("c:s")], ["GET", self.key("c:g")]]
        opened = [await self.client.request(live=read, every=0, json=rng.random() < 0.5) for read in reads]
        for _ in range(600):
            n = rng.randrange(8)
            await writer.ws.send(json.dumps({"command": rng.choice([
                ["HSET", self.key("c:h"), f"f{n}", f"v{rng.randrange(9)}"], ["HDEL", self.key("c:h"), f"f{n}"],
                ["ZADD", self.key("c:z"), rng.randrange(50), f"m{n}"], ["ZREM", self.key("c:z"), f"m{n}"],
                ["RPUSH", self.key("c:l"), n], ["LPOP", self.key("c:l")], ["LINSERT", self.key("c:l"), "BEFORE", n, "in"],
                ["SADD", self.key("c:s"), n], ["SREM", self.key("c:s"), n], ["SET", self.key("c:g"), n],
            ])}))
            if rng.randrange(5) == 0:
                await writer.command("PING")
        for read, reply in zip(reads, opened):
            truth = await writer.command(*read)
            held = self.client.feeds[reply["feed"]]
            patience = time.monotonic() + 8
            while held["value"] != truth and time.monotonic() < patience:
                try:
                    self.client.take(json.loads(await asyncio.wait_for(self.client.ws.recv(), 0.05)))
                except asyncio.TimeoutError:
                    pass
            self.assertEqual(held["value"], truth, f"seed {seed}: {read}")

    async def test_subscribe_many_in_order(self):
        subscribers = [await self.open(self.stack) for _ in range(5)]
        for subscriber in subscribers:
            await subscriber.request(subscribe=self.key("channel"))

        async def collect(subscriber):
            return [(await subscriber.frame())["message"] for _ in range(1000)]

        async def publish():
            for i in range(1000):
                await self.client.ws.send(json.dumps({"command": ["PUBLISH", self.key("channel"), i]}))
                if i % 100 == 99:
                    await self.client.command("PING")

        *lists, _ = await asyncio.gather(*(collect(subscriber) for subscriber in subscribers), publish())
        for messages in lists:
            self.assertEqual(messages, [str(i) for i in range(1000)])

    async def test_follow_resumes(self):
        for i in range(10):
            await self.client.command("XADD", self.key("stream"), "*", "n", i)
        first = await self.open(self.stack)
        await first.request(follow=self.key("stream"), **{"from": "0"})
        entries = []
        while len(entries) < 10:
            entries += (await first.frame())["entries"]
        await first.ws.close()
        await self.client.command("XADD", self.key("stream"), "*", "n", 10)
        second = await self.open(self.stack)
        await second.request(follow=self.key("stream"), **{"from": entries[-1][0]})
        entries += (await second.frame())["entries"]
        self.assertEqual([entry[1]["n"] for entry in entries], [str(i) for i in range(11)])

    async def test_fragmented_and_large_messages(self):
        value = "x" * 200_000
        text = json.dumps({"id": 1000, "command": ["SET", self.key("large"), value]})
        await self.client.ws.send(text[i : i + 777] for i in range(0, len(text), 777))
        self.client.next_id = 1000
        while (await self.client.frame()).get("id") != 1000:
            pass
        self.assertEqual(await self.client.command("GET", self.key("large")), value)

    async def test_pings_both_ways(self):
        waiter = await self.client.ws.ping(b"are you there")
        self.assertGreaterEqual(await asyncio.wait_for(waiter, 5), 0)

    async def test_close_handshake(self):
        connection = await self.open(self.stack)
        await connection.ws.close(1000, "bye")
        self.assertEqual(connection.ws.close_code, 1000)

    async def test_bad_text_is_closed_with_1007_and_binary_with_1003(self):
        async with self.connect() as ws:
            await ws.recv()
            await ws.send(b"\xff\xfe", text=True)
            with self.assertRaises(websockets.ConnectionClosed) as caught:
                await asyncio.wait_for(ws.recv(), 5)
            self.assertEqual(caught.exception.rcvd.code, 1007)
        async with self.connect() as ws:
            await ws.recv()
            await ws.send(b"{}")
            with self.assertRaises(websockets.ConnectionClosed) as caught:
                await asyncio.wait_for(ws.recv(), 5)
            self.assertEqual(caught.exception.rcvd.code, 1003)

    async def test_a_foreign_origin_is_refused(self):
        with self.assertRaises(websockets.InvalidStatus) as caught:
            async with self.connect(origin="http://evil.example"):
                pass
        self.assertEqual(caught.exception.response.status_code, 403)

    async def test_raw(self):
        async with self.connect("/raw?live=GET%20" + self.key("raw"), subprotocols=None) as ws:
            self.assertEqual(await asyncio.wait_for(ws.recv(), 5), "null")
            await self.client.command("SET", self.key("raw"), "moves")
            self.assertEqual(await asyncio.wait_for(ws.recv(), 5), "moves")
            await ws.send("STRLEN " + self.key("raw"))
            self.assertEqual(await asyncio.wait_for(ws.recv(), 5), "5")


class CompressedTest(WebSocketsTest):
    """The same with every message compressed, in both directions: the library offers it by itself."""

    flags = ["--set", "deflate.enabled=true", "--set", "deflate.min_bytes=1"]
    extensions = ["permessage-deflate"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
