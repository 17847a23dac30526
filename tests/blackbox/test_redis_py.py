"""The RESP port driven by redis-py, in RESP2 and RESP3, blocking and asyncio: its ordinary work.

Run by `python -m unittest` from the virtual environment at the repository's root (see requirements.txt), with KEYWIRE and
KEYWIRE_LANES as for the Node tests.
"""

import asyncio
import subprocess
import threading
import time
import unittest
import urllib.request

import redis
import redis.asyncio

from test_websockets import BINARY, free_port


class RedisPy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port, http = free_port(), free_port()
        line = [BINARY, "serve", "--listen", f"127.0.0.1:{http}", "--resp", f"127.0.0.1:{cls.port}"]
        cls.server = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.time() + 10
        while time.time() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz")
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the server was not ready")

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        _, errors = cls.server.communicate(timeout=10)
        assert "panicked" not in errors, errors
        assert cls.server.returncode == 0, errors

    def clients(self):
        for protocol in (2, 3):
            with self.subTest(protocol=protocol):
                client = redis.Redis(port=self.port, protocol=protocol, decode_responses=True, client_name="py")
                client.flushall()
                yield client
                client.close()

    def test_every_type(self):
        for client in self.clients():
            self.assertTrue(client.set("s", "ä", ex=100))
            self.assertEqual(client.get("s"), "ä")
            self.assertTrue(90 < client.ttl("s") <= 100)
            client.hset("h", mapping={"a": 1, "b": 2})
            self.assertEqual(client.hgetall("h"), {"a": "1", "b": "2"})
            client.rpush("l", *range(5))
            self.assertEqual(client.lrange("l", 1, -2), ["1", "2", "3"])
            client.sadd("set", "x", "y")
            self.assertEqual(set(client.smembers("set")), {"x", "y"})
            client.zadd("z", {"one": 1, "two": 2.5})
            pairs = [tuple(pair) for pair in client.zrange("z", 0, -1, withscores=True)]
            self.assertEqual(pairs, [("one", 1.0), ("two", 2.5)])
            entry = client.xadd("x", {"f": "v"})
            self.assertEqual([tuple(item) for item in client.xrange("x")], [(entry, {"f": "v"})])
            self.assertEqual(client.type("z"), "zset")
            self.assertEqual(client.object("encoding", "h"), "listpack")
            self.assertEqual(sorted(client.scan_iter(count=2)), ["h", "l", "s", "set", "x", "z"])

    def test_what_managers_ask(self):
        for client in self.clients():
            client.set("k", "v")
            self.assertTrue(client.info()["redis_version"].startswith("7."))
            self.assertEqual(client.dbsize(), 1)
            self.assertEqual(client.client_getname(), "py")
            self.assertTrue(any(one["name"] == "py" for one in client.client_list()))
            self.assertIn("maxmemory", client.config_get("max*"))
            self.assertTrue(client.memory_usage("k") > 0)
            self.assertIsInstance(client.slowlog_get(), list)
            self.assertIn("get", client.command())
            self.assertEqual(client.time()[0] // 1000, int(time.time()) // 1000)

    def test_errors_are_the_exceptions_of_redis(self):
        for client in self.clients():
            client.set("s", "x")
            with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
                client.lpush("s", 1)
            with self.assertRaisesRegex(redis.ResponseError, "not an integer"):
                client.incr("s")
            with self.assertRaisesRegex(redis.ResponseError, "no support for Lua"):
                client.eval("return 1", 0)

    def test_a_pipeline_that_is_written_whole_before_its_first_reply_is_read(self):
        for client in self.clients():
            count = 100_000
            pipeline = client.pipeline(transaction=False)
            for i in range(count):
                pipeline.set(f"p{i % 100}", "x" * 50)
                pipeline.get(f"p{i % 100}")
            self.assertEqual(pipeline.execute(), [True, "x" * 50] * count)

    def test_transactions_with_watch(self):
        for client in self.clients():
            def add(pipeline):
                value = int(pipeline.get("n") or 0)
                pipeline.multi()
                pipeline.set("n", value + 1)
            workers = [threading.Thread(target=lambda: [client.transaction(add, "n") for _ in range(20)]) for _ in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            self.assertEqual(client.get("n"), "80")

    def test_locks_and_blocking_pops(self):
        for client in self.clients():
            threading.Timer(0.05, lambda client=client: client.rpush("q", "job")).start()
            self.assertEqual(list(client.blpop("q", timeout=5)), ["q", "job"])
            self.assertIsNone(client.blpop("q", timeout=0.05))

    def test_messages(self):
        for client in self.clients():
            pubsub = client.pubsub()
            pubsub.subscribe("news")
            pubsub.psubscribe("n*")
            got = []
            deadline = time.time() + 5
            while len(got) < 2 and time.time() < deadline:
                message = pubsub.get_message(timeout=0.2)
                if message is None:
                    client.publish("news", "hello")
                elif message["type"] in ("message", "pmessage"):
                    got.append((message["type"], message["data"]))
            self.assertEqual(set(got[:2]), {("message", "hello"), ("pmessage", "hello")})
            pubsub.close()

    def test_consumer_groups(self):
        for client in self.clients():
            client.xgroup_create("x", "g", id="0", mkstream=True)
            entry = client.xadd("x", {"f": "v"})
            read = client.xreadgroup("g", "c", {"x": ">"})
            self.assertIn(entry, str(read))
            self.assertEqual(client.xpending("x", "g")["pending"], 1)
            self.assertEqual(client.xack("x", "g", entry), 1)

    def test_asyncio(self):
        async def work():
            client = redis.asyncio.Redis(port=self.port, protocol=3, decode_responses=True)
            await client.delete("n")
            await asyncio.gather(*(client.incr("n") for _ in range(80)))
            self.assertEqual(await client.get("n"), "80")
            await client.aclose()
        asyncio.run(work())


if __name__ == "__main__":
    unittest.main()
