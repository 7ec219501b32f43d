"""A release for the local driver: says which one it is. `server.py TAG [fault]`; at SIGTERM it accepts no more and ends after
what is in flight."""
import asyncio
import os
import signal
import sys

TAG = sys.argv[1]
FAULT = sys.argv[2] if len(sys.argv) > 2 else ""
BODY = f"{TAG} {os.environ['COLOUR']}".encode()
in_flight = set()


async def answer(reader, writer):
    task = asyncio.current_task()
    in_flight.add(task)
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
        sick = FAULT == "unready" or (FAULT == "sick" and path != b"/health/ready")
        status = b"503 Service Unavailable" if sick else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (status, len(BODY), BODY))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()
        in_flight.discard(task)


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"]), backlog=4096)
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await asked.wait()
    server.close()
    while in_flight:
        await asyncio.sleep(0.02)


asyncio.run(main())
