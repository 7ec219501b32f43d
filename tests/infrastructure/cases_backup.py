"""Backups of a running product: made, verified by restoring them, restored to a second, listed, cleaned up, damaged."""
import hashlib
import hmac
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

from local import free_port, wait_for
from private_product import REPOSITORY, Product, get

MANAGER = os.path.join(REPOSITORY, "scripts/backup_manager")
DATA = """create table if not exists kept (id int primary key, note text, at timestamptz not null default clock_timestamp());
insert into kept select i, md5(i::text) from generate_series(1, 20000) i"""


def manage(product, operation, *words, check=True, environment="test", **variables):
    """What the manager prints, as JSON; None when it failed."""
    done = product.run([MANAGER, "--environment", environment, "--operation", operation, "--output-format", "json", *words],
                       **variables)
    assert not check or done.returncode == 0, (operation, words, done.stdout, done.stderr)
    if done.returncode:
        assert done.returncode == 1 and not done.stdout, done
        return None
    return json.loads(done.stdout)


def location(product):
    return product.environment["PRICING_BACKUP_LOCATION"]


def folder_of(product, backup):
    return os.path.join(location(product), "test", backup["id"])


def archived(product):
    folder = product.environment["PRICING_BACKUP_WAL_ARCHIVE"]
    return sorted(n for n in os.listdir(folder) if re.fullmatch(r"[0-9A-F]{24}\.gz", n))


def end_restored(restored):
    os.kill(restored["pid"], signal.SIGINT)
    wait_for(lambda: not os.path.exists(os.path.join(restored["folder"], "database/data/postmaster.pid")), 30,
             "the restored server does not end")
    shutil.rmtree(restored["folder"])


def moment(product):
    """Now, by the database's clock, to the microsecond."""
    return product.sql("select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")


def test_the_whole_product_is_backed_up_and_verified(stage):
    with Product(stage) as product:
        product.sql(DATA)
        assert manage(product, "list") == []
        made = manage(product, "backup", "--backup-type", "all")
        assert [s["name"] for s in made["streams"]] == ["database", "wal", "models", "config", "manifests", "terraform"]
        database = made["database"]
        assert database["first_wal"] <= database["last_wal"] and database["server_version"] >= 150000
        assert {"table": "public.kept", "rows": 20000} == {k: v for k, v in
                                                          next(t for t in database["tables"] if t["table"] == "public.kept").items()
                                                          if k != "checksum"}
        listed = manage(product, "list")
        assert [(b["id"], b["state"]) for b in listed] == [(made["id"], "complete")]
        assert listed[0]["parts"] == ["database", "models", "config", "manifests", "terraform"]
        # Writing goes on; the backup is compared with its own moment.
        product.sql("update kept set note = 'changed' where id < 100; delete from kept where id > 19000")
        verified = manage(product, "verify")
        assert verified["id"] == made["id"] and verified["rows"] >= 20000 and verified["files"] >= 10, verified
        one = os.path.join(location(product), "test", made["id"])
        assert manage(product, "verify", "--backup-location", one)["id"] == made["id"]
        # Nothing readable lies there, and the database knows of it.
        for name in os.listdir(one):
            with open(os.path.join(one, name), "rb") as f:
                content = f.read()
            assert b"PG_VERSION" not in content and b"pg_hba" not in content, name
        assert product.sql("select count(*) from backups") == "5"
        beat = product.start("pricing-beat")
        product.await_ready("pricing-beat", beat)
        wait_for(lambda: 'pricing_backup_last_success_timestamp_seconds{part="database"}' in get(beat + "/metrics")[1], 10,
                 "the age of the backup is not shown")


def test_a_moment_between_two_writes_is_restored(stage):
    with Product(stage) as product:
        product.sql(DATA)
        before = moment(product)
        manage(product, "backup", "--backup-type", "database")
        product.sql("insert into kept values (100001, 'first')")
        time.sleep(1.1)
        between = moment(product)
        time.sleep(1.1)
        product.sql("delete from kept; insert into kept values (100002, 'second')")
        product.sql("select pg_switch_wal()")
        product.sql("insert into kept values (100003, 'third')")
        last = product.sql("select pg_walfile_name(pg_current_wal_lsn())")
        product.sql("select pg_switch_wal()")
        wait_for(lambda: last + ".gz" in archived(product), 30, lambda: f"{last} is not archived: {archived(product)}")

        restored = manage(product, "restore", "--backup-type", "database", "--target-time", between, "--target-folder",
                          os.path.join(product.folder, "r1"))
        assert product.sql("select count(*), max(id) from kept", url=restored["url"]) == "20001|100001"
        assert restored["recovered_until"] < between, restored
        assert product.sql("select pg_is_in_recovery()", url=restored["url"]) == "f"
        product.sql("insert into kept values (7777777, 'it can be written to')", url=restored["url"])
        assert product.sql("show archive_mode", url=restored["url"]) == "off"
        end_restored(restored)

        restored = manage(product, "restore", "--backup-type", "database", "--target-time", "latest", "--target-folder",
                          os.path.join(product.folder, "r2"))
        assert product.sql("select string_agg(id::text, ',' order by id) from kept", url=restored["url"]) == "100002,100003"
        end_restored(restored)
        assert product.sql("select count(*) from kept") == "2"  # the running database is untouched

        assert manage(product, "restore", "--target-time", before, check=False) is None  # older than the oldest backup
        assert manage(product, "restore", "--target-time", "yesterday", check=False) is None
        future = manage(product, "restore", "--backup-type", "database", "--target-time", "2099-01-01T00:00:00Z",
                        "--target-folder", os.path.join(product.folder, "r3"), check=False)
        assert future is None  # the log does not reach so far


def child_named(parent, name):
    """The process id and the words of a child with this program's name."""
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/status", encoding="ascii") as f:
                is_child = f"\nPPid:\t{parent}\n" in f.read()
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                words = f.read().decode().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        if is_child and words[0].endswith(name):
            return int(entry), words
    return None


def test_a_slow_receiver_of_the_log_loses_nothing_of_it(stage):
    with Product(stage) as product:
        product.sql(DATA)
        environment = {**os.environ, **product.environment, "PRICING_CTL": os.path.join(product.binaries, "pricing-ctl")}
        backup = subprocess.Popen([MANAGER, "--environment", "test", "--operation", "backup", "--backup-type", "database",
                                   "--output-format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=environment, cwd=product.folder)
        found = []

        def receives():
            found[:] = child_named(backup.pid, "/pg_receivewal") or []
            return found and os.listdir(found[1][found[1].index("-D") + 1])
        wait_for(receives, 30, "the log is not received")
        os.kill(found[0], signal.SIGSTOP)
        for _ in range(4):  # the server forgets what nobody needs
            product.sql("update kept set note = note || '.'; select pg_switch_wal()")
            product.sql("checkpoint")
        os.kill(found[0], signal.SIGCONT)
        out, complaint = backup.communicate(timeout=120)
        assert backup.returncode == 0, (out, complaint)
        assert manage(product, "verify")["rows"] >= 20000
        assert product.sql("select count(*) from pg_replication_slots") == "0"


def test_the_last_minutes_survive_the_loss_of_the_database(stage):
    with Product(stage) as product:
        product.sql(DATA)
        manage(product, "backup", "--backup-type", "database")
        product.sql("insert into kept values (100001, 'archived by its timeout')")
        segment = product.sql("select pg_walfile_name(pg_current_wal_lsn())")
        wait_for(lambda: segment + ".gz" in archived(product), 90, "nothing is archived within the minute")
        product.kill_server("postgres")
        shutil.rmtree(product.pids["cluster"])
        restored = manage(product, "restore", "--backup-type", "database", "--target-time", "latest", "--target-folder",
                          os.path.join(product.folder, "r"))
        assert product.sql("select count(*) from kept where id > 100000", url=restored["url"]) == "1"
        end_restored(restored)


def damage(folder, other, chance):
    """One random accident to a random object; what happened."""
    name = chance.choice(sorted(os.listdir(folder)))
    path = os.path.join(folder, name)
    with open(path, "rb") as f:
        content = bytearray(f.read())
    kind = chance.choice(["bit", "bit", "cut", "cut", "empty", "append", "hole", "delete", "swap", "foreign"])
    if kind == "bit":
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del content[chance.randrange(len(content)):]
    elif kind == "empty":
        content.clear()
    elif kind == "append":
        content += os.urandom(chance.randrange(1, 100))
    elif kind == "hole":
        at = chance.randrange(len(content))
        hole = bytes(min(chance.randrange(1, 4096), len(content) - at))
        if content[at:at + len(hole)] == hole:
            content[at] ^= 1
        else:
            content[at:at + len(hole)] = hole
    elif kind == "delete":
        os.remove(path)
        return f"{kind} {name}"
    elif kind == "swap":
        second = chance.choice([n for n in sorted(os.listdir(folder)) if n != name])
        os.rename(path, path + ".x")
        os.rename(os.path.join(folder, second), path)
        os.rename(path + ".x", os.path.join(folder, second))
        return f"{kind} {name} {second}"
    else:
        shutil.copy(os.path.join(other, name), path)
        return f"{kind} {name}"
    with open(path, "wb") as f:
        f.write(content)
    return f"{kind} {name}"


def test_a_hundred_corruptions_are_all_detected(stage):
    chance = random.Random(20261125)
    with Product(stage) as product:
        good = folder_of(product, manage(product, "backup"))
        other = folder_of(product, manage(product, "backup"))
        saved = os.path.join(product.folder, "saved")
        shutil.copytree(good, saved)
        missed = []
        for _ in range(100):
            what = damage(good, other, chance)
            if manage(product, "verify", "--backup-location", good, check=False) is not None:
                missed.append(what)
            shutil.rmtree(good)
            shutil.copytree(saved, good)
        assert not missed, missed
        assert manage(product, "verify", "--backup-location", good)


def test_a_restored_database_that_differs_is_not_verified(stage):
    """The comparison itself: a manifest that tells of other rows, rightly signed."""
    with Product(stage) as product:
        product.sql(DATA)
        made = manage(product, "backup", "--backup-type", "database")
        path = os.path.join(folder_of(product, made), "manifest.json")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        changed = text.replace('"table":"public.kept","rows":20000', '"table":"public.kept","rows":20001')
        assert changed != text
        with open(path, "w", encoding="utf-8") as f:
            f.write(changed)
        assert manage(product, "verify", check=False) is None  # its signature is wrong
        with open(product.environment["PRICING_BACKUP_KEY_FILE"], encoding="ascii") as f:
            key = bytes.fromhex(f.read().strip())
        # libsodium's crypto_kdf: BLAKE2b keyed with the master key, salted with the number, personalised by the context
        signing = hashlib.blake2b(b"", digest_size=32, key=key, salt=(2).to_bytes(8, "little") + bytes(8),
                                  person=b"backups_" + bytes(8)).digest()
        with open(path[:-len("json")] + "sig", "w", encoding="ascii") as f:
            f.write(hmac.new(signing, changed.encode(), hashlib.sha256).hexdigest())
        done = product.run([MANAGER, "--environment", "test", "--operation", "verify"])
        assert done.returncode == 1 and "public.kept has 20000 rows" in done.stderr, done


def test_a_backup_that_fails_midway_leaves_nothing_that_looks_good(stage):
    with Product(stage) as product:
        product.sql(DATA)
        # A part that is not there, and a tool that breaks off after half of its output.
        assert manage(product, "backup", check=False, PRICING_BACKUP_TERRAFORM="/nowhere") is None
        broken = os.path.join(product.folder, "broken")
        os.mkdir(broken)
        with open(os.path.join(broken, "tar"), "w", encoding="ascii") as f:
            f.write("#!/bin/sh\nhead -c 5000 /dev/zero\nexit 1\n")
        os.chmod(os.path.join(broken, "tar"), 0o755)
        path = broken + ":" + os.environ["PATH"]
        for part in ("models", "database"):
            assert manage(product, "backup", "--backup-type", part, check=False, PATH=path) is None, part
        assert manage(product, "list") == []
        assert not [f for _, _, files in os.walk(location(product)) for f in files]
        # kill -9 at moments all over its run
        ctl = os.path.join(product.binaries, "pricing-ctl")
        for delay_s in (0.05, 0.2, 0.4, 0.6, 0.9):
            process = subprocess.Popen([ctl, "backup", "--environment", "test", "--operation", "backup"], cwd=product.folder,
                                       env={**os.environ, **product.environment, "TMPDIR": product.folder},
                                       stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(delay_s)
            process.kill()
            process.wait()
        for one in manage(product, "list"):
            complete = one["state"] == "complete"
            at = os.path.join(location(product), "test", one["id"])
            assert (manage(product, "verify", "--backup-location", at, check=False) is not None) == complete, one
        made = manage(product, "backup")
        assert manage(product, "verify")["id"] == made["id"]


def test_nothing_is_done_without_the_right_key(stage):
    with Product(stage) as product:
        for wrong in ("", "too short", "z" * 64):
            assert manage(product, "backup", check=False, PRICING_BACKUP_KEY=wrong) is None
        assert not os.path.exists(location(product)) or not os.listdir(location(product))
        made = manage(product, "backup", "--backup-type", "config")
        other = {"PRICING_BACKUP_KEY": "1" * 64}
        assert manage(product, "list", **other)[0]["state"] == "damaged"
        assert manage(product, "verify", "--backup-location", folder_of(product, made), check=False, **other) is None
        assert manage(product, "cleanup", "--retention-days", "0", **other) == []
        assert manage(product, "list")[0]["state"] == "complete"


def test_cleanup_touches_its_own_old_backups_only_and_never_the_last_good_one(stage):
    with Product(stage) as product:
        old = manage(product, "backup", "--backup-type", "config")
        time.sleep(1.1)
        new = manage(product, "backup", "--backup-type", "config")
        elsewhere = manage(product, "backup", "--backup-type", "config", environment="other")
        strange = [os.path.join(location(product), n) for n in ("letter.txt", "test/notes/manifest.json",
                                                                f"test/{old['id']}/mine.txt")]
        for path in strange:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as f:
                f.write("not yours")
        assert manage(product, "cleanup", "--retention-days", "30") == []
        # The newest is damaged, so the older one is the last good one.
        piece = os.path.join(folder_of(product, new), "config.00000")
        with open(piece, "rb") as f:
            whole = f.read()
        with open(piece, "wb") as f:
            f.write(whole[:-1])
        time.sleep(1.1)
        assert manage(product, "cleanup", "--retention-days", "0") == [new["id"]]
        assert manage(product, "cleanup", "--retention-days", "0") == []
        assert manage(product, "verify")["id"] == old["id"]
        assert all(os.path.exists(p) for p in strange)
        assert manage(product, "list", environment="other")[0]["id"] == elsewhere["id"]


def test_the_log_archive_stays_bounded(stage):
    with Product(stage) as product:
        def switch(times=3):
            for _ in range(times):
                product.sql("create table if not exists t (i int); insert into t select generate_series(1, 1000)")
                name = product.sql("select pg_walfile_name(pg_current_wal_lsn())")
                product.sql("select pg_switch_wal()")
            wait_for(lambda: product.sql("select coalesce(last_archived_wal, '') >= '" + name + "' from pg_stat_archiver") == "t",
                     30, "it does not archive")

        switch()
        assert archived(product) == []  # no base, no use
        first = manage(product, "backup", "--backup-type", "database")
        switch()
        kept = archived(product)
        assert kept and kept[0][:24] >= first["database"]["first_wal"], kept
        time.sleep(1.1)
        second = manage(product, "backup", "--backup-type", "database")
        switch()
        time.sleep(1.1)
        assert manage(product, "cleanup", "--retention-days", "0") == [first["id"]]
        kept = archived(product)
        assert kept and kept[0][:24] >= second["database"]["first_wal"], kept
        restored = manage(product, "restore", "--backup-type", "database", "--target-time", "latest", "--target-folder",
                          os.path.join(product.folder, "r"))
        assert product.sql("select count(*) from t", url=restored["url"]) == "9000"
        end_restored(restored)


def test_the_guides_command_lines_work(stage):
    with Product(stage) as product:
        def guide(*words):
            done = product.run(["python3", os.path.join(REPOSITORY, "scripts/backup_manager.py"), "--environment",
                                "production", "--operation", *words])
            assert done.returncode == 0, done
            return done.stdout
        assert "production/" in guide("backup", "--backup-type", "all")
        assert "is whole" in guide("verify", "--backup-location", location(product))
        assert "complete" in guide("list")
        assert guide("cleanup", "--retention-days", "30").startswith("0 backups")


def test_a_bucket_is_as_good_as_a_folder(stage):
    """Against moto_server, which the Python package moto brings."""
    server = shutil.which("moto_server")
    assert server, "moto_server is not installed: pip install 'moto[server]'"
    port = free_port()
    moto = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: get(url + "/moto-api/")[0] == 200, 60, "moto_server does not answer")
        subprocess.run(["curl", "-fsS", "-X", "PUT", url + "/backups"], check=True, capture_output=True)
        with Product(stage) as product:
            bucket = {"PRICING_BACKUP_LOCATION": "s3://backups/of/this", "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a",
                      "AWS_SECRET_ACCESS_KEY": "b"}
            assert manage(product, "list", **bucket) == []
            first = manage(product, "backup", **bucket)
            time.sleep(1.1)
            second = manage(product, "backup", "--backup-type", "config", **bucket)
            one = f"s3://backups/of/this/test/{first['id']}"
            assert manage(product, "verify", "--backup-location", one, **bucket)["id"] == first["id"]
            assert manage(product, "cleanup", "--retention-days", "0", **bucket) == [first["id"]]
            assert [b["id"] for b in manage(product, "list", **bucket)] == [second["id"]]
            assert manage(product, "verify", **{**bucket, "PRICING_BACKUP_LOCATION": "s3://no-such-bucket"}, check=False) is None
    finally:
        moto.kill()
        moto.wait()


def with_log_of(product):
    """A product whose log has been put aside: the moment between two writes, after a backup."""
    product.sql(DATA)
    manage(product, "backup", "--backup-type", "database")
    product.sql("insert into kept values (100001, 'first')")
    time.sleep(1.1)
    between = moment(product)
    time.sleep(1.1)
    product.sql("delete from kept")
    last = product.sql("select pg_walfile_name(pg_current_wal_lsn())")
    product.sql("select pg_switch_wal()")
    wait_for(lambda: last + ".gz" in archived(product), 30, lambda: f"{last} is not archived: {archived(product)}")
    return between


def test_sealed_log_restores_a_moment(stage):
    """The log leaves its folder sealed, and a restore fetches it for a server that has no key."""
    with Product(stage) as product:
        sealed = {"PRICING_BACKUP_WAL_LOCATION": os.path.join(product.folder, "sealed"), "PRICING_BACKUP_ENVIRONMENT": "test"}
        between = with_log_of(product)
        names = [n[:-3] for n in archived(product)]
        product.ctl("wal", "ship", product.environment["PRICING_BACKUP_WAL_ARCHIVE"], "--once", **sealed)
        assert archived(product) == [], "what was shipped is gone from the folder"
        place = os.path.join(product.folder, "sealed/test/wal")
        assert set(names) <= {n.removesuffix(".sealed") for n in os.listdir(place)}
        for name in os.listdir(place):
            with open(os.path.join(place, name), "rb") as f:
                assert b"first" not in f.read(), "log can be read"
        restored = manage(product, "restore", "--backup-type", "database", "--target-time", between, "--target-folder",
                          os.path.join(product.folder, "r1"), **sealed)
        assert product.sql("select count(*), max(id) from kept", url=restored["url"]) == "20001|100001"
        end_restored(restored)

        # By hand: the same content again is well, other content is refused, and so is another key.
        file = os.path.join(product.folder, "segment")
        product.ctl("wal", "fetch", names[0], file, **sealed)
        product.ctl("wal", "archive", file, names[0], **sealed)
        with open(file, "ab") as f:
            f.write(b"more")
        ctl = os.path.join(product.binaries, "pricing-ctl")
        assert product.run([ctl, "wal", "archive", file, names[0]], **sealed).returncode == 1
        assert product.run([ctl, "wal", "fetch", names[0], file], **{**sealed, "PRICING_BACKUP_KEY": "1" * 64}).returncode == 1
        assert product.run([ctl, "wal", "fetch", "../secret", file], **sealed).returncode == 1
        # Cleanup takes the log that no backup needs.
        manage(product, "cleanup", "--retention-days", "0", **sealed)
        assert len(os.listdir(place)) <= len(names)


def test_a_worker_makes_backups_and_says_what_it_lacks(stage):
    with Product(stage) as product:
        product.ctl("user", "bootstrap", "--organization", "Test", "--email", "a@example.com")
        organization = product.sql("select id from organizations")

        def job(payload="{}"):
            task = product.sql(f"insert into jobs (organization_id, kind, payload) values ({organization}, 'backup', "
                               f"'{payload}') returning task_id")

            def ended():
                return product.sql(f"select state from jobs where task_id = '{task}' and finished_at is not null")
            wait_for(ended, 90, lambda: product.log("pricing-worker"))
            return product.sql(f"select state || '|' || coalesce(error, '') || '|' || coalesce(result::text, '') from jobs "
                               f"where task_id = '{task}'")
        worker = product.start("pricing-worker")
        product.await_ready("pricing-worker", worker)
        done = job()
        assert done.startswith("succeeded||"), done
        made = json.loads(done.split("|", 2)[2])
        assert made["parts"] == ["database", "models", "config", "manifests", "terraform"] and made["bytes"] > 0, made
        assert product.sql(f"select count(*) from backups where id = '{made['id']}'") == "5"
        assert manage(product, "verify", environment="production")["id"] == made["id"]
        assert job('{"type": "config"}').startswith("succeeded||")

        product.kill("pricing-worker")
        worker = product.start("pricing-worker", PRICING_BACKUP_KEY="none")
        product.await_ready("pricing-worker", worker)
        refused = job()
        assert refused.startswith("failed|backups need a key: set PRICING_BACKUP_KEY_FILE"), refused

        # A second tenant: whose backups are whose is to be said.
        product.sql("insert into organizations (name, slug, currency) values ('Other', 'other', 'USD')")
        product.kill("pricing-worker")
        worker = product.start("pricing-worker")
        product.await_ready("pricing-worker", worker)
        assert job().startswith("failed|a backup holds the data of all organizations"), job()
