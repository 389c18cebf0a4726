"""The page while a sweep runs: what the server answers, when it makes the page again, and how it ends."""

import http.client
import re
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from conftest import start_command_line
from results import save_row
from test_page import chromium, find  # noqa: F401
from test_report import row

from supreme.core import SupremeError
from supreme.report import browser
from supreme.report.command import main
from supreme.report.live.page import SHARE, LivePage, version_of
from supreme.report.live.server import HOST, server_of
from supreme.report.page.parts import unzipped


@contextmanager
def served(page):
    with server_of(page, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def asked(port, target="/", method="GET", **headers):
    """Status, headers and text of an answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    connection.request(method, target, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), text


def test_one_page_is_served_and_nothing_beside_it():
    with served(lambda seen: None if seen == "1" else "<p>é</p>") as port:
        status, headers, text = asked(port)
        assert (status, text, headers["Content-Type"]) == (200, "<p>é</p>", "text/html; charset=utf-8")
        assert headers["Cache-Control"] == "no-store"
        assert asked(port, "/?seen=0")[0] == 200
        assert asked(port, "/?seen=1")[0] == 204
        assert asked(port, method="HEAD")[::2] == (200, "")
        for target in (
            "/rows",
            "/../etc/passwd",
            "//etc/passwd",
            "/%2e%2e/",
            "//[",
            "/index.html",
            "*",
            "/page?seen=1",
        ):
            assert asked(port, target)[0] == 404, target
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
            assert asked(port, method=method)[0] == 501, method


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:9000", 200),  # at the other end of ssh
        ("LOCALHOST", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("localhost.evil.example", 403),
        ("localhost@evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_a_page_elsewhere_whose_name_leads_here_is_refused(host, status):
    with served(lambda seen: "text") as port:
        found, _, text = asked(port, Host=host)
        assert found == status
        assert (text == "text") == (status == 200)


def test_only_this_machine_reaches_the_server():
    with server_of(lambda seen: "", 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_refused_and_another_one_is_found_where_none_was_named(monkeypatch):
    with server_of(lambda seen: "", 0) as first:
        taken = first.server_address[1]
        with pytest.raises(SupremeError, match=f"port {taken} cannot be used .*as in `supreme report --serve"):
            server_of(lambda seen: "", taken)
        monkeypatch.setattr("supreme.report.live.server.PORT", taken)
        with server_of(lambda seen: "", None) as second:
            assert taken < second.server_address[1] < taken + 20


def test_a_browser_that_goes_away_leaves_no_traceback_and_a_page_that_fails_leaves_one_line(capsys):
    def page(seen):
        if seen:
            raise RuntimeError("a fault")
        return "x" * 10_000_000

    with served(page) as port:
        with socket.create_connection((HOST, port)) as gone:
            gone.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(http.client.RemoteDisconnected):
            asked(port, "/?seen=1")
        assert len(asked(port)[2]) == 10_000_000
    assert capsys.readouterr().err == "supreme report: the page could not be made (RuntimeError: a fault)\n"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_page_is_made_when_rows_change_and_takes_a_share_of_the_time_at_most(tmp_path):
    clock, made = Clock(), []

    def make(script):
        made.append(script)
        clock.now += 10
        return f"page {len(made)}"

    page = LivePage(tmp_path, make, clock)
    first = version_of(tmp_path)
    assert page("") == "page 1"
    assert page(first) is None
    assert page("another") == "page 1"
    save_row(tmp_path, row("ssd", 0))
    second = version_of(tmp_path)
    assert second != first
    assert page(first) is None  # 10 seconds were enough for now
    assert page("") == "page 2"  # but not for whoever comes anew
    save_row(tmp_path, row("ssd", 1))
    clock.now += 10 / SHARE - 10 - 0.1
    assert page(second) is None
    clock.now += 0.2
    assert page(second) == "page 3"
    assert f'seen=${{"{version_of(tmp_path)}"}}' in made[-1]


def test_before_the_first_row_a_page_waits_for_it(tmp_path):
    def make(script):
        raise SupremeError("no results in <here>")

    text = LivePage(tmp_path / "not there", make)("")
    assert text is not None
    assert "Nothing to show yet" in text
    assert "no results in &lt;here&gt;" in text
    assert re.search(r"script-src 'sha256-[\w+/]{43}='; ", text)


# Really.


@pytest.fixture(scope="module")
def process(tmp_path_factory, second_chance):
    """`supreme report outputs --serve` in a folder of its own: the process and the address it tells."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    with (folder / "told").open("w") as told:
        started = start_command_line("report", "outputs", "--serve", str(port), cwd=folder, stdout=told, stderr=told)
        for _ in range(600):
            if "Ctrl-C" in (folder / "told").read_text():
                break
            time.sleep(0.05)
        yield started, folder, port
        if started.poll() is None:
            started.kill()


def test_a_browser_shows_rows_as_they_come_and_stays_at_its_place_until_ctrl_c(process, chromium):  # noqa: F811
    started, folder, port = process
    said = (folder / "told").read_text()
    assert (
        said == "supreme report: reading outputs\n"
        f"http://127.0.0.1:{port}/ shows outputs, which is not there yet, as it is, here alone; Ctrl-C ends it\n"
    )
    chromium.get_log("browser")
    chromium.get(f"http://127.0.0.1:{port}/#results")
    assert find(chromium, "h1")[0].text == "outputs"
    assert "Nothing to show yet" in find(chromium, "body")[0].text
    save_row(folder / "outputs", row("ssd", 0))

    def cells():
        for _ in range(200):
            shown = chromium.execute_script("return document.getElementById('part-cells')?.textContent")
            yield len(unzipped(shown)["value"]) if shown else 0
            time.sleep(0.1)

    assert next((count for count in cells() if count == 1), None) == 1
    chromium.execute_script("window.mine = 1; scrollTo(0, 150)")
    time.sleep(3.5)  # one question at least, to which the answer is that nothing has changed
    assert chromium.execute_script("return window.mine") == 1
    save_row(folder / "outputs", row("ssd", 1))
    assert next((count for count in cells() if count == 2), None) == 2
    assert chromium.execute_script("return [location.pathname + location.search + location.hash, scrollY]") == [
        "/#results",
        150,
    ]
    assert [entry for entry in chromium.get_log("browser") if "favicon" not in entry["message"]] == []
    started.send_signal(signal.SIGINT)
    assert started.wait(timeout=20) == 0
    assert (folder / "told").read_text() == f"{said}\n"


# In a browser of one's own.


@pytest.fixture
def desk(monkeypatch, tmp_path):
    """Nobody's display and no ssh, unless a test says otherwise."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(browser.sys, "platform", "linux")
    return monkeypatch


def program(folder, *lines):
    path = folder / "browser"
    path.write_text("\n".join([f"#!{sys.executable}", *lines]))
    path.chmod(0o755)
    return str(path)


def test_the_page_is_written_and_opened_in_the_browser_that_is_named(desk, saved, tmp_path, capsys):
    desk.setenv("BROWSER", program(tmp_path, "import sys", f"open({str(tmp_path / 'seen')!r}, 'w').write(sys.argv[1])"))
    folder = saved(row("ssd", 0))
    assert main([str(folder), "--open"]) == 0
    assert (tmp_path / "seen").read_text() == (folder / "reports" / "report.html").as_uri()
    assert capsys.readouterr().out == f"{folder}/reports/report.html\n"


@pytest.mark.parametrize(
    ("variable", "why"),
    [("", "there is no display for a browser here"), ("SSH_CONNECTION", "there is no browser at the other end of ssh")],
)
def test_where_nobody_sees_a_browser_the_place_of_the_page_is_said(desk, tmp_path, capsys, variable, why):
    if variable:
        desk.setenv("DISPLAY", ":0")
        desk.setenv(variable, "10.0.0.1 1 10.0.0.2 22")
    assert browser.show_file(tmp_path / "page.html", "text", "my results") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == str(tmp_path / "page.html")
    assert second.startswith(f"{why}: open that file in a browser, or type `supreme report 'my results' --serve`")
    assert browser.show_file(tmp_path / "compare.html", "text") == 0
    assert capsys.readouterr().out.splitlines()[1] == f"{why}: open that file in a browser"


def test_a_browser_that_stays_or_fails_keeps_nobody_waiting(desk, tmp_path):
    desk.setattr(browser, "PATIENCE_SECONDS", 0.5)
    desk.setenv("BROWSER", program(tmp_path, "import time", "time.sleep(5)"))
    assert browser.show("http://127.0.0.1/") == ""
    desk.setattr(browser, "PATIENCE_SECONDS", 20.0)
    desk.setenv("BROWSER", program(tmp_path, "raise SystemExit(1)"))
    assert browser.show("http://127.0.0.1/") == "no browser could be started"
