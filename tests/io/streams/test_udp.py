"""MPEG-TS by UDP: it comes, stops, and comes again."""

from __future__ import annotations

import socket

from tests.io.streams.clock_frames import QUICK, Watch, failure_text
from tests.io.streams.servers import UdpSender, free_port


def test_udp() -> None:
    """Pictures come as they are sent; silence is a loss, and the end of it is found."""
    port = free_port()
    sender = UdpSender(port)
    with Watch(f"udp://127.0.0.1:{port}", retry=QUICK) as watch:
        watch.has(20)
        watch.check_fresh()
        sender.stop()
        watch.wait_for_state("lost: nothing came for 2 s")
        sender = UdpSender(port)
        watch.more(10)
        watch.check_order()
        watch.check_fresh()
        watch.check_reconnects()
        assert watch.source.rate == 25
    sender.stop()


def test_taken() -> None:
    """A port that another program has is told at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        assert "another program listens at this port" in failure_text(f"udp://127.0.0.1:{port}")
