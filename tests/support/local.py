"""What tests of running processes on this machine need: ports, and patience."""
import os
import socket
import time


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def free_port():
    return free_ports(1)[0]


def free_product_port():
    """P such that P, P+1, P+1101 and P+1102 are free now: what run-dev-server.sh takes."""
    for port in range(21000 + os.getpid() % 1000, 60000, 7):
        try:
            for offset in (0, 1, 1101, 1102):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port + offset))
            return port
        except OSError:
            continue
    raise RuntimeError("no free ports")


def wait_for(what, limit_s, message):
    """What `what` returns, once that is true."""
    end = time.monotonic() + limit_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, message() if callable(message) else message
        time.sleep(0.02)
