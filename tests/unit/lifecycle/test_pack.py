"""A pack is loaded only as it was signed, by someone trusted, and nothing in it is executed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from suwen.core.errors import BadInput, IntegrityError, KeyUnavailable, NotFound
from suwen.core.nouns import Band
from suwen.lifecycle import assemble
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.sealed import keys, manifest


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of the toy pack that a test may damage."""
    return shutil.copytree(trained.pack.folder, tmp_path / "pack")


@pytest.fixture
def trusted(toy_home):
    return assemble.own_key(toy_home)


def test_an_untouched_pack_loads_and_is_named_by_its_manifest(copy, trusted, trained):
    pack = Pack.load(copy, trusted)
    assert pack.identity == trained.pack.identity
    name, _, rest = pack.identity.partition("@")
    assert name == "toy.squares"
    assert rest.endswith(f"+{pack.sha256}")


def test_one_changed_byte_in_any_file_is_refused_and_the_file_is_named(copy, trusted):
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        with pytest.raises(IntegrityError) as error:
            Pack.load(copy, trusted)
        if path.name not in (manifest.MANIFEST, manifest.SIGNATURE):
            assert path.relative_to(copy).as_posix() in error.value.got
        assert error.value.todo
        path.write_bytes(content)
    Pack.load(copy, trusted)


def test_weights_exchanged_after_loading_are_refused_when_they_are_opened(copy, trusted):
    pack = Pack.load(copy, trusted)
    shutil.copyfile(copy / "member-1" / "net.onnx", copy / "member-0" / "net.onnx")
    (copy / "thresholds.json").write_text('{"rule_in": 0}')
    with pytest.raises(IntegrityError, match=r"member-0/net\.onnx"):
        pack.session("net.onnx", member=0)
    with pytest.raises(IntegrityError, match=r"thresholds\.json"):
        _ = pack.answers.thresholds


def test_an_added_file_is_refused(copy, trusted):
    (copy / "member-0" / "extra.onnx").write_bytes(b"x")
    with pytest.raises(IntegrityError, match=r"member-0/extra.onnx .* added after signing"):
        Pack.load(copy, trusted)


@pytest.mark.parametrize("name", ["calibrator.json", "member-1/net.onnx", "golden/case-0.npz"])
def test_a_missing_file_is_refused(copy, trusted, name):
    (copy / name).unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        Pack.load(copy, trusted)


@pytest.mark.parametrize("name", [manifest.MANIFEST, manifest.SIGNATURE])
def test_without_manifest_or_signature_nothing_is_loaded(copy, trusted, name):
    (copy / name).unlink()
    with pytest.raises(IntegrityError, match=name):
        Pack.load(copy, trusted)


def test_a_link_in_place_of_a_file_is_refused(copy, trusted, tmp_path):
    outside = tmp_path / "outside.json"
    shutil.move(copy / "guard.json", outside)
    (copy / "guard.json").symlink_to(outside)
    with pytest.raises(IntegrityError, match="link"):
        Pack.load(copy, trusted)


def test_a_stranger_who_seals_the_pack_again_is_not_trusted(copy, trusted):
    (copy / "thresholds.json").write_text("{}")
    manifest.seal(copy, Ed25519PrivateKey.generate())
    with pytest.raises(IntegrityError, match="not trusted") as error:
        Pack.load(copy, trusted)
    assert "trusted" in error.value.todo


def test_a_stranger_who_writes_a_trusted_name_under_his_signature_is_found_out(copy, trusted):
    manifest.seal(copy, Ed25519PrivateKey.generate())
    path = copy / manifest.SIGNATURE
    content = json.loads(path.read_text()) | {"key": next(iter(trusted))}
    path.write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match="does not fit"):
        Pack.load(copy, trusted)


@pytest.mark.parametrize("signature", ["", "[]", '{"key": 1}', '{"key": [], "signature": "x"}'])
def test_a_signature_that_is_none_is_refused(copy, trusted, signature):
    (copy / manifest.SIGNATURE).write_text(signature)
    with pytest.raises(IntegrityError):
        Pack.load(copy, trusted)


def test_a_pack_of_another_format_says_which_release_it_needs(copy, toy_home, trusted):
    path = copy / "pack.toml"
    path.write_text(path.read_text().replace('"format" = 1', '"format" = 9'))
    manifest.seal(copy, keys.signing_key(toy_home))
    with pytest.raises(BadInput, match="format 9"):
        Pack.load(copy, trusted)


def test_loading_and_predicting_import_no_training_library_and_never_unpickle(trained):
    code = (
        "import sys, pickle\n"
        "def never(*a, **k): raise SystemExit('unpickled')\n"
        "pickle.loads = pickle.load = never\n"
        "from pathlib import Path\n"
        "from suwen.lifecycle.pack import Pack\n"
        "import numpy as np\n"
        f"pack = Pack.draft(Path({str(trained.pack.folder)!r}))\n"
        "x = np.zeros((1, 8, 8), np.float32)\n"
        "pack.session('net.onnx', member=0).run(None, {'x': x})\n"
        "pack.answers.calibrator, pack.answers.thresholds, pack.guard\n"
        "print([n for n in ('torch', 'sklearn', 'matplotlib', 'onnx') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_session_is_opened_once_and_a_path_out_of_the_pack_never(trained):
    pack = trained.pack
    assert pack.session("net.onnx", member=0) is pack.session("net.onnx", member=0)
    assert pack.session("member-0/net.onnx") is pack.session("net.onnx", member=0)
    for name in ("../run.json", "none.onnx"):
        with pytest.raises(NotFound):
            pack.session(name)


def test_randomised_weights_give_another_answer_and_the_same_one_twice(toy, trained):
    task, sample = toy.Squares(), next(iter(golden_samples(toy, trained)))
    as_trained = task.predict(trained.pack, sample).scores
    noise = task.predict(trained.pack.randomised(1), sample).scores
    assert np.abs(noise - as_trained).max() > 0.1
    assert (task.predict(trained.pack.randomised(1), sample).scores == noise).all()
    assert (task.predict(trained.pack.randomised(2), sample).scores != noise).any()
    assert (task.predict(trained.pack, sample).scores == as_trained).all()


def golden_samples(toy, trained):
    from suwen.lifecycle import golden

    return [sample for sample, _, _ in golden.cases(toy.Squares(), trained.pack)]


def test_members_logits_become_a_probability_with_an_interval_and_a_band(trained):
    high = trained.pack.answers.probability(np.full(5, 9.0))
    low = trained.pack.answers.probability(np.full(5, -9.0))
    assert trained.pack.answers.band(high)[0] is Band.RULE_IN
    assert trained.pack.answers.band(low)[0] is Band.RULE_OUT
    assert low.high < high.low


def test_the_signing_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    key = keys.signing_key(tmp_path)
    path = tmp_path / "keys" / keys.PRIVATE
    assert sorted(file.name for file in path.parent.iterdir()) == [keys.PRIVATE, keys.PUBLIC]
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.signing_key(tmp_path).private_bytes_raw() == key.private_bytes_raw()
    assert list(keys.trusted_keys(tmp_path))[-1:] == [keys.fingerprint(key.public_key())]
    path.chmod(0o644)
    with pytest.raises(KeyUnavailable, match="read by others"):
        keys.signing_key(tmp_path)


def test_files_that_are_no_keys_are_named(tmp_path):
    trusted = tmp_path / "keys" / "trusted"
    trusted.mkdir(parents=True)
    (trusted / "friend.pub").write_text("hello")
    with pytest.raises(KeyUnavailable, match=r"friend\.pub"):
        keys.trusted_keys(tmp_path)
    private = tmp_path / "keys" / keys.PRIVATE
    private.write_text("hello")
    private.chmod(0o600)
    with pytest.raises(KeyUnavailable, match="no usable key"):
        keys.signing_key(tmp_path)


def test_a_friends_public_key_makes_their_packs_load(copy, tmp_path, settled):
    friend = Ed25519PrivateKey.generate()
    manifest.seal(copy, friend)
    home = tmp_path / "home"
    settled(home=home)
    with pytest.raises(IntegrityError):
        Pack.load(copy)
    (home / "keys" / "trusted").mkdir(parents=True)
    pem = keys.public_pem(friend.public_key())
    (home / "keys" / "trusted" / "friend.pub").write_bytes(pem)
    assert Pack.load(copy).task == "toy.squares"
