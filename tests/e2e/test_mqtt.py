"""MQTT.js in a browser, through the proxy, to a mosquitto broker."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .programs import ROOT, Programs, free_port, needs, needs_file
from .proxy import Proxy, start_proxy

pytestmark = pytest.mark.e2e

HERE = ROOT / "tests/e2e"

BROKER = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_dest stdout
connection_messages true
"""


@pytest.fixture
def broker(programs: Programs, tmp_path: Path) -> int:
    mosquitto, port = needs("mosquitto"), free_port()
    (tmp_path / "mosquitto.conf").write_text(BROKER.format(port=port))
    program = programs.start(mosquitto, "-c", tmp_path / "mosquitto.conf")
    program.wait_until_listening(port)
    return port


@pytest.fixture
def web(tmp_path: Path) -> Path:
    directory = tmp_path / "web"
    directory.mkdir()
    library = HERE / "node_modules/mqtt/dist/mqtt.min.js"
    shutil.copy(needs_file(library, "npm ci in tests/e2e"), directory)
    shutil.copy(HERE / "pages/mqtt.html", directory)
    return directory


@pytest.fixture
def proxy(programs: Programs, broker: int, web: Path, tmp_path: Path) -> Proxy:
    return start_proxy(
        programs, f"127.0.0.1:{broker}", "--web", web, "--cert", "auto", cwd=tmp_path
    )


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_mqtt_js_gets_its_own_message_and_its_subprotocol(
    scheme: str, proxy: Proxy, page: Page
) -> None:
    page.goto((proxy.http if scheme == "ws" else proxy.https) + "mqtt.html")
    heard = page.evaluate(
        "([url, topic, text]) => roundTrip(url, topic, text)",
        [getattr(proxy, scheme), "house/lamp", "grüße"],
    )
    assert heard == {"topic": "house/lamp", "text": "grüße", "protocol": "mqtt"}
