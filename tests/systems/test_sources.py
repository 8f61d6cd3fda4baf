"""Weights by name: from a server on this machine, through the cache, to a classifier."""

import hashlib
import http.server
import threading

import pytest
import torch

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.paths import cache_folder
from radrobust.systems import sources
from radrobust.systems.catalogue import load
from radrobust.systems.sources import cached, locate, obtain

REPOSITORY = "somebody/radiographs"


@pytest.fixture
def server(zoo, tmp_path, monkeypatch):
    """A server that answers for the drive and for the hub; `files` is what it holds."""
    files, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            kind, content = files.get(self.path, ("text/html", None))
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{running.server_port}"
    monkeypatch.setattr(sources, "DRIVE", address + "/drive/{id}")
    monkeypatch.setenv(sources.HUB_VARIABLE, address)
    monkeypatch.setattr(sources, "PINNED", tmp_path / "pinned")
    running.files, running.asked = files, asked
    yield running
    running.shutdown()


@pytest.fixture
def checkpoint(zoo, tmp_path):
    path = tmp_path / "written.pt"
    zoo.save(zoo.build("standard", "compact"), path)
    return path.read_bytes()


def on_drive(key):
    return f"/drive/{load(key).drive_id}"


def test_robustbench_weights_are_downloaded_once_and_trusted_on_first_use(
    server, checkpoint, model, tmp_path, capsys
):
    server.files[on_drive("standard")] = ("application/octet-stream", checkpoint)
    cache = tmp_path / "cache"
    first = obtain("standard", model(weights="robustbench"), 0, str(cache))
    assert first.design.system == "standard"
    digest = hashlib.sha256(checkpoint).hexdigest()
    assert digest in capsys.readouterr().err
    assert (cache / sources.LEDGER).read_text() == f"{digest}  robustbench/Standard.pt\n"
    obtain("standard", model(weights="robustbench"), 0, str(cache))
    assert server.asked == [on_drive("standard")]
    assert capsys.readouterr().err == ""


def test_weights_from_the_hub(server, checkpoint, tmp_path):
    server.files[f"/{REPOSITORY}/resolve/main/deep/best.pth"] = ("binary/octet-stream", checkpoint)
    path = locate(f"hub:{REPOSITORY}/deep/best.pth", "standard", tmp_path)
    assert path == tmp_path / "weights" / "hub" / REPOSITORY / "deep" / "best.pth"
    assert path.read_bytes() == checkpoint


def test_a_web_page_in_place_of_a_checkpoint_is_refused_and_nothing_kept(server, tmp_path):
    page = b"<html><title>Google Drive - Virus scan warning</title></html>"
    server.files[on_drive("standard")] = ("text/html; charset=utf-8", page)
    with pytest.raises(InputError, match=r"web page.*Virus scan warning"):
        locate("robustbench", "standard", tmp_path)
    assert not list((tmp_path / "weights").rglob("*.pt"))


def test_a_web_page_that_does_not_say_so_is_refused_too(server, tmp_path):
    server.files[on_drive("standard")] = ("application/octet-stream", b"<!DOCTYPE html>")
    with pytest.raises(InputError, match="is a web page"):
        locate("robustbench", "standard", tmp_path)
    assert not list((tmp_path / "weights").rglob("*.pt"))


def test_a_checkpoint_that_ends_early_on_the_server_is_refused(server, checkpoint, tmp_path):
    server.files[on_drive("standard")] = ("application/octet-stream", checkpoint[:-2000])
    with pytest.raises(InputError, match="ends early"):
        locate("robustbench", "standard", tmp_path)


def test_a_pinned_digest_is_insisted_on(server, checkpoint, tmp_path):
    server.files[on_drive("standard")] = ("application/octet-stream", checkpoint)
    sources.PINNED.write_text(f"{'0' * 64}  robustbench/Standard.pt\n")
    with pytest.raises(InputError, match=r"is not the right robustbench/Standard\.pt"):
        locate("robustbench", "standard", tmp_path)
    digest = hashlib.sha256(checkpoint).hexdigest()
    sources.PINNED.write_text(f"{digest}  robustbench/Standard.pt\n")
    assert locate("robustbench", "standard", tmp_path).read_bytes() == checkpoint


def test_a_file_that_changed_in_the_cache_is_refused(server, checkpoint, tmp_path):
    server.files[on_drive("standard")] = ("application/octet-stream", checkpoint)
    path = locate("robustbench", "standard", tmp_path)
    path.write_bytes(checkpoint + b"\0")
    with pytest.raises(InputError, match="is not the right"):
        locate("robustbench", "standard", tmp_path)


def test_what_the_server_does_not_have(server, tmp_path):
    with pytest.raises(InputError, match="404"):
        locate(f"hub:{REPOSITORY}/none.pth", "standard", tmp_path)


def test_a_path_may_name_the_system(zoo, model, tmp_path):
    zoo.save(zoo.build("huang2021", "compact"), tmp_path / "huang2021.pt")
    weights = f"file:{tmp_path}/{{system}}.pt"
    assert obtain("huang2021", model(weights=weights), 0, "").design.system == "huang2021"
    with pytest.raises(InputError, match=r"model\.weights: .*standard\.pt cannot be read"):
        obtain("standard", model(weights=weights), 0, "")


def test_the_environment_moves_the_cache_before_the_parameter(monkeypatch, tmp_path):
    monkeypatch.delenv(paths.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder("~/weights") == tmp_path / "weights"
    monkeypatch.setenv(paths.CACHE_VARIABLE, str(tmp_path / "elsewhere"))
    assert cache_folder("~/weights") == tmp_path / "elsewhere"


def test_where_weights_will_lie_is_known_without_asking_anybody(tmp_path):
    found = cached("robustbench", "chen2024", tmp_path)
    assert found == tmp_path / "weights" / "robustbench" / "Chen2024Data_WRN_34_20.pt"
    assert str(cached("file:a/{system}.pt", "chen2024", tmp_path)) == "a/chen2024.pt"
    assert str(cached("finetuned:a/{system}.pt", "chen2024", tmp_path)) == "a/chen2024.pt"
    found = cached("finetuned:hub:owner/repository/best.pth", "chen2024", tmp_path)
    assert found == tmp_path / "weights" / "hub" / "owner" / "repository" / "best.pth"


def test_the_shipped_list_of_digests_is_readable():
    from radrobust.core.downloads import read_digests

    assert isinstance(read_digests(sources.PINNED), dict)


def test_finetuned_weights_come_with_their_own_head(server, zoo, model, tmp_path):
    published = zoo.build("standard", "compact")
    published.fc = torch.nn.Sequential(
        torch.nn.Dropout(0.3),
        torch.nn.Linear(64, 512),
        torch.nn.ReLU(),
        torch.nn.BatchNorm1d(512),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(512, 2),
    )
    zoo.save(published, tmp_path / "written.pt")
    content = (tmp_path / "written.pt").read_bytes()
    server.files[f"/{REPOSITORY}/resolve/main/best.pth"] = ("binary/octet-stream", content)
    weights = f"finetuned:hub:{REPOSITORY}/best.pth"
    classifier = obtain("standard", model(weights=weights, head="mlp"), 0, str(tmp_path / "c"))
    assert torch.equal(classifier.head[5].weight, published.fc[5].weight.flip(0))
