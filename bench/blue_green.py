"""Requests at a fixed rate, whatever the answers do, until standard input ends; each on a connection of its own, as new
visitors come. Prints one line of JSON: requests, failures, milliseconds at p50, p99 and most, who answered."""
import argparse
import asyncio
import collections
import json
import sys
import time


async def request(host, port, path, out):
    begin = time.monotonic()
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            out["failed"].append(head[:60].decode("latin-1") or "closed without an answer")
            return
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        if len(body) != length:
            out["failed"].append(f"{len(body)} of {length} bytes")
            return
        out["by"][body[:20].decode("latin-1") if length <= 20 else "200"] += 1
        out["ms"].append((time.monotonic() - begin) * 1000)
    except (OSError, TimeoutError) as error:
        out["failed"].append(repr(error))


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--path", default="/")
    options.add_argument("--rate", type=float, default=200)
    options = options.parse_args()
    out = {"failed": [], "ms": [], "by": collections.Counter()}
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    begin, count, running = time.monotonic(), 0, set()
    while not ended.done():
        # Those that are due by now: a late timer does not lower the rate.
        due = int((time.monotonic() - begin) * options.rate)
        while count < due:
            task = asyncio.create_task(request("127.0.0.1", options.port, options.path, out))
            running.add(task)
            task.add_done_callback(running.discard)
            count += 1
        await asyncio.sleep(0.5 / options.rate)
    seconds = time.monotonic() - begin
    await asyncio.gather(*running)
    ms = sorted(out["ms"])
    print(json.dumps({"requests": count, "rate": round(count / seconds, 1), "failed": len(out["failed"]),
                      "reasons": dict(collections.Counter(out["failed"])), "p50_ms": round(ms[len(ms) // 2], 1),
                      "p99_ms": round(ms[len(ms) * 99 // 100], 1), "max_ms": round(ms[-1], 1), "by": dict(out["by"])}))


asyncio.run(main())
