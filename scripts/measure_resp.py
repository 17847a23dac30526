"""See measure-resp."""

import contextlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
KEYWIRE = os.environ.get("KEYWIRE", str(TARGET / "release" / "keywire"))
TESTS = os.environ.get("REDIS_TESTS", "ping_mbulk,set,get,incr,lpush,lpop,sadd,hset,zadd,lrange_100,mset").split(",")
REQUESTS = int(os.environ.get("REQUESTS", 200_000))
ROUNDS = int(os.environ.get("ROUNDS", 5))
PIPELINES = [int(n) for n in os.environ.get("PIPELINES", "1,16").split(",")]
# Long replies: fewer of them take as long.
SHARE = {"lrange_100": 8, "mset": 4}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server of either kind."""

    def __init__(self, name, line, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{name} does not listen")

    def cpu_ns(self):
        """Time on a processor of all threads, in nanoseconds."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks)

    def memory(self):
        """Resident bytes, now and at most."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return [int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024 for name in ("VmRSS", "VmHWM")]

    def stop(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def servers(keep=None, folders=None):
    """Both servers; with `keep`, they keep a log that is synced so, in folders of their own or in these."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("DATA")) as folder:
        ours, theirs = folders or (f"{folder}/keywire", f"{folder}/redis")
        os.makedirs(theirs, exist_ok=True)
        ports = [free_port(), free_port(), free_port()]
        keywire = [KEYWIRE, "serve", "--listen", f"127.0.0.1:{ports[2]}", "--resp", f"127.0.0.1:{ports[0]}"]
        redis = ["redis-server", "--port", str(ports[1]), "--save", "", "--dir", theirs]
        if keep:
            keywire += ["--data", ours, "--set", f"store.fsync={keep}", "--set", "store.rewrite_growth_percent=0"]
            redis += ["--appendonly", "yes", "--appendfsync", keep, "--aof-use-rdb-preamble", "no",
                      "--auto-aof-rewrite-percentage", "0"]
        else:
            redis += ["--appendonly", "no"]
        both = [Server("keywire", keywire, ports[0]), Server("redis", redis, ports[1])]
        both[0].http = ports[2]
        try:
            yield both
        finally:
            for server in both:
                server.stop()


def benchmark(server, test, pipeline):
    """Requests a second, and nanoseconds of the server's CPU for each."""
    count = REQUESTS // SHARE.get(test, 1) * (4 if pipeline > 1 else 1)
    line = ["redis-benchmark", "-p", str(server.port), "-t", test, "-n", str(count), "-P", str(pipeline), "-c", "50"]
    before = server.cpu_ns()
    output = subprocess.run([*line, "--csv"], capture_output=True, text=True, check=True).stdout
    used = server.cpu_ns() - before
    rates = [row.split(",")[1].strip('"') for row in output.splitlines() if row.startswith('"') and "rps" not in row]
    # LRANGE fills its list first: the last row is the test, the CPU is for both.
    return float(rates[-1]), used / count


def speed(keep=None, tests=TESTS):
    print(f"redis-benchmark -c 50, medians of {ROUNDS} rounds in turn; CPU is that of the server's process per command"
          + (f"; with a log, {keep}" if keep else ""))
    print(f"{'test':12}{'-P':>4}{'keywire/s':>12}{'redis/s':>12}{'ratio':>7}{'keywire ns':>12}{'redis ns':>10}{'ratio':>7}")
    for pipeline in PIPELINES:
        for test in tests:
            with servers(keep) as both:
                seen = {server.name: [] for server in both}
                for _ in range(ROUNDS):
                    for server in both:
                        seen[server.name].append(benchmark(server, test, pipeline))
            (rate, cpu), (redis_rate, redis_cpu) = (
                [statistics.median(column) for column in zip(*seen[name])] for name in ("keywire", "redis")
            )
            print(f"{test:12}{pipeline:4}{rate:12.0f}{redis_rate:12.0f}{rate / redis_rate:7.2f}"
                  f"{cpu:12.0f}{redis_cpu:10.0f}{cpu / redis_cpu:7.2f}", flush=True)


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def fill(server, commands):
    """Sends commands in pipelines and waits for as many replies of one line."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        replies = connection.makefile("rb")
        while batch := [one for _, one in zip(range(1000), commands)]:
            connection.sendall(b"".join(batch))
            for _ in batch:
                assert replies.readline()[:1] in b"+:", "an error"


def strings():
    return (command(b"SET", b"key:%09d" % i, b"value:%010d" % i) for i in range(1_000_000))


def hashes():
    pair = [(b"field%d" % field, b"value%d" % field) for field in range(10)]
    words = [word for one in pair for word in one]
    return (command(b"HSET", b"hash:%08d" % i, *words) for i in range(100_000))


def memory():
    print("resident bytes per key: after growth, and at most during it")
    for name, make, count in [("1,000,000 small strings", strings, 1_000_000), ("100,000 hashes of 10", hashes, 100_000)]:
        with servers() as both:
            figures = []
            for server in both:
                before = server.memory()[0]
                fill(server, make())
                figures.append([(after - before) / count for after in server.memory()])
            (after, most), (redis_after, redis_most) = figures
            print(f"{name:26} keywire {after:7.1f} {most:7.1f}   redis {redis_after:7.1f} {redis_most:7.1f}"
                  f"   ratio {after / redis_after:5.2f} {most / redis_most:5.2f}", flush=True)


def log():
    """Throughput with a log that is synced each second."""
    for keep in os.environ.get("FSYNC", "everysec").split(","):
        speed(keep, [test for test in TESTS if test in ("set", "get", "incr", "lpush", "hset", "sadd", "zadd", "mset")])


def ready(server):
    """Waits until the server has loaded what it keeps; its number of keys."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"DBSIZE\r\n")
            reply = connection.makefile("rb").readline()
            if reply.startswith(b":"):
                return int(reply[1:])
        time.sleep(0.02)


def load():
    """The time to load a log of so many bytes."""
    size = int(os.environ.get("LOG_BYTES", 1 << 30))
    with tempfile.TemporaryDirectory(dir=os.environ.get("DATA")) as folder:
        appendonly = pathlib.Path(folder, "ours", "appendonlydir")
        appendonly.mkdir(parents=True)
        (appendonly / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
        written = number = 0
        with open(appendonly / "appendonly.aof.1.incr.aof", "wb") as file:
            while written < size:
                batch = b"".join(
                    command(b"SET", b"key:%09d" % (i % 4_000_000), b"value:%010d" % i) if i % 4 else
                    command(b"HSET", b"hash:%06d" % (i % 100_000), b"field:%d" % (i % 11), b"value:%010d" % i)
                    for i in range(number, number + 10_000))
                number += 10_000
                written += file.write(batch)
        for _ in range(int(os.environ.get("ROUNDS", 1))):
            figures = []
            for name in ("keywire", "redis"):
                subprocess.run(["cp", "-r", f"{folder}/ours", f"{folder}/copy"], check=True)
                port = free_port()
                line = {
                    "keywire": [KEYWIRE, "serve", "--listen", f"127.0.0.1:{free_port()}", "--resp", f"127.0.0.1:{port}",
                                "--data", f"{folder}/copy"],
                    "redis": ["redis-server", "--port", str(port), "--save", "", "--dir", f"{folder}/copy",
                              "--appendonly", "yes", "--aof-use-rdb-preamble", "no"],
                }[name]
                begun = time.monotonic()
                server = Server(name, line, port)
                keys = ready(server)
                figures.append(time.monotonic() - begun)
                server.stop()
                subprocess.run(["rm", "-rf", f"{folder}/copy"], check=True)
            ours, theirs = figures
            print(f"load of {written >> 20} MiB, {number} commands, {keys} keys: keywire {ours:.2f} s, redis {theirs:.2f} s,"
                  f" ratio {ours / theirs:.2f}", flush=True)


def rewrite():
    """The longest time that a client waits for GET while a million keys are rewritten, idle and under load."""
    with servers("everysec") as both:
        for server in both:
            fill(server, strings())
        for loaded in (False, True):
            for server in both:
                print(f"{server.name:8} rewrite of 1,000,000 keys {'under load' if loaded else 'idle      '}: "
                      + waits(server, loaded), flush=True)


def waits(server, loaded):
    load_line = ["redis-benchmark", "-p", str(server.port), "-t", "set", "-n", "100000000", "-r", "1000000", "-P", "16", "-c", "10", "-q"]
    writer = subprocess.Popen(load_line, stdout=subprocess.DEVNULL) if loaded else None
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            replies = connection.makefile("rb")

            def ask(line):
                begun = time.perf_counter()
                connection.sendall(line)
                head = replies.readline()
                if head.startswith(b"$") and head != b"$-1\r\n":
                    replies.read(int(head[1:]) + 2)
                return time.perf_counter() - begun

            def info(section):
                connection.sendall(b"INFO %s\r\n" % section)
                return replies.read(int(replies.readline()[1:]) + 2)

            def is_rewriting():
                text = info(b"persistence")
                return b"aof_rewrite_in_progress:1" in text or b"aof_rewrite_scheduled:1" in text

            def commands():
                return int(re.search(rb"total_commands_processed:(\d+)", info(b"stats"))[1])

            time.sleep(1)
            calm = sorted(ask(b"GET key:000000001\r\n") for _ in range(3000))
            before, begun = commands(), time.monotonic()
            ask(b"BGREWRITEAOF\r\n")
            seen = []
            while True:
                seen += [ask(b"GET key:000000001\r\n") for _ in range(50)]
                if not is_rewriting():
                    break
            took = time.monotonic() - begun
            rate = (commands() - before) / took
            seen.sort()
            percentile = lambda values, p: values[min(len(values) - 1, int(len(values) * p))] * 1000
            return (f"{took:5.1f} s at {rate:7.0f} commands/s, GET p50 {percentile(seen, .5):6.2f} p99 {percentile(seen, .99):6.2f} longest "
                    f"{seen[-1] * 1000:7.2f} ms; before it p99 {percentile(calm, .99):6.2f} longest {calm[-1] * 1000:7.2f} ms")
    finally:
        if writer:
            writer.kill()
            writer.wait()


def watch():
    program = ROOT / "tests/blackbox/lib/watch-latency.mjs"
    with servers() as both:
        line = ["node", str(program), str(both[0].http), str(both[0].port), os.environ.get("WRITES", "2000")]
        result = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    print("from a write on the RESP port to a watcher's WebSocket frame, in microseconds, at 100 writes a second")
    for name, figures in result.items():
        print(f"{name:26} " + "  ".join(f"{key} {value:.0f}" for key, value in figures.items()))


if __name__ == "__main__":
    for part in sys.argv[1:] or ["speed", "memory", "watch", "log", "load", "rewrite"]:
        {"speed": speed, "memory": memory, "watch": watch, "log": log, "load": load, "rewrite": rewrite}[part]()
