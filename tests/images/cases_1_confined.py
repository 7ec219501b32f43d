"""Each image: what it weighs, who runs it, and where it can write."""
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
LIMITS_MB = {"web": 80, "ml": 150, "ml-gpu": 150, "worker": 150, "ctl": 150, "backup": 150}
# What a runtime gives every container, in memory and its own.
RUNTIME = {"/dev/shm", "/dev/mqueue"}


def test_each_image_is_small_and_runs_as_nobody_special(stage):
    for name, limit in LIMITS_MB.items():
        found = stage.inspect(name)
        print(f"    {name}: {found['Size'] / 1e6:.1f} MB, {found['Digest']}")
        assert found["Size"] < limit * 1e6, (name, found["Size"])
        assert found["Config"]["User"] == "10001:10001", (name, found["Config"]["User"])
        assert found["Labels"]["org.opencontainers.image.revision"], name
        assert "io.buildah.version" not in found["Labels"], "who built it is no part of an image"
        serves = name not in ("ctl", "backup")
        assert bool(found.get("Healthcheck") or found["Config"].get("Healthcheck")) == serves, name


def written(stage, name, *options):
    """{kind: lines} of what writes.cpp says inside."""
    program = os.path.join(stage.folder, "writes")
    if not os.path.exists(program):
        subprocess.run(["g++", "-std=c++20", "-O1", "-static", "-o", program, os.path.join(HERE, "writes.cpp")], check=True)
    done = stage.podman("run", "--rm", "--no-healthcheck", "--network=none", f"--volume={program}:/run/writes:ro",
                        "--entrypoint=/run/writes", *options, stage.image(name))
    assert done.returncode == 0, (name, done)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    return {"folders": {rest for word, rest in lines if word == "wrote"}, "files": [rest for word, rest in lines if word == "could"],
            **{word: rest.split() for word, rest in lines if word.endswith(":")}}


CONFINED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges", "--tmpfs=/tmp",
            "--volume=/var/lib/pricing/objects")


def test_nothing_is_written_outside_of_the_mounts(stage):
    for name in LIMITS_MB:
        found = written(stage, name, *CONFINED)
        assert found["folders"] == {"/tmp", "/var/lib/pricing/objects"} | RUNTIME, (name, found)
        assert not found["files"], (name, found)
        assert found["Uid:"] == ["10001"] * 4 and found["NoNewPrivs:"] == ["1"], (name, found)
        assert all(int(found[c][0], 16) == 0 for c in ("CapPrm:", "CapEff:", "CapBnd:")), (name, found)


def test_a_writable_root_would_not_help_the_image_s_user(stage):
    """Two locks: the read-only root, and rights in it that the user does not have."""
    for name in LIMITS_MB:
        found = written(stage, name, "--cap-drop=all", "--volume=/var/lib/pricing/objects")
        own = {f for f in found["folders"] - RUNTIME if not f.startswith("/var/lib/pricing")}
        assert own == {"/tmp"} and not found["files"], (name, found)


def test_root_could_not_write_either_where_the_root_is_read_only(stage):
    for name in LIMITS_MB:
        found = written(stage, name, *CONFINED, "--user=0:0")
        outside = {f for f in found["folders"] if f != "/tmp" and not f.startswith(("/dev", "/var/lib/pricing/objects"))}
        assert not outside, (name, found)
