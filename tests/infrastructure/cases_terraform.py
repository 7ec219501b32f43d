"""infrastructure/terraform: what its text alone tells, and, where terraform and its AWS provider are at hand, its own tests.

Terraform is taken from PATH. The provider is looked for in PRICING_TERRAFORM_MIRROR, in the folders that Terraform itself
knows, or where TF_CLI_CONFIG_FILE points; without one nothing is downloaded but what `terraform init` downloads.
"""
import glob
import os
import re
import shutil
import subprocess
import tempfile

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
ROOT = os.path.join(REPOSITORY, "infrastructure/terraform")
MODULES = sorted(glob.glob(os.path.join(ROOT, "modules/*")))
FOLDERS = [ROOT, os.path.join(ROOT, "bootstrap"), *MODULES]
VERSION = "5.100.0"
MIRRORS = ("/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins", "/opt/tf-plugins")


def text_of(folder, pattern="*.tf"):
    return "\n".join(open(path, encoding="utf-8").read() for path in sorted(glob.glob(os.path.join(folder, pattern))))


def without_comments(text):
    return re.sub(r"(?m)^\s*#.*$", "", text)


def block(text, start):
    """The text between the braces that open at or after start."""
    begin = text.index("{", start)
    depth = 0
    for at in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[begin + 1:at]
    raise AssertionError("a brace is not closed")


def blocks(text, kind):
    for found in re.finditer(rf'(?m)^{kind} ((?:"[^"]+" ?)+)\{{', text):
        yield tuple(re.findall(r'"([^"]+)"', found[1])), block(text, found.start())


def values(environment):
    text = without_comments(open(os.path.join(ROOT, "environments", f"{environment}.tfvars"), encoding="utf-8").read())
    return re.findall(r"(?m)^(\w+)\s*=", text)


def provider_environment(folder):
    """The variables under which `terraform init` finds the provider without a network, or none of them."""
    configured = os.environ.get("TF_CLI_CONFIG_FILE", "")
    if configured and os.path.exists(configured):
        return {}
    for mirror in filter(None, (os.environ.get("PRICING_TERRAFORM_MIRROR"), *MIRRORS)):
        if glob.glob(os.path.join(mirror, "*/hashicorp/aws")):
            path = os.path.join(folder, "terraformrc")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
            return {"TF_CLI_CONFIG_FILE": path}
    return {"TF_CLI_CONFIG_FILE": ""}


_prepared = None


def prepared():
    """A function that runs terraform on a copy of the folder; None, with the reason printed, where that cannot be."""
    global _prepared
    if _prepared is not None:
        return _prepared or None
    _prepared = False
    if not shutil.which("terraform"):
        print("terraform is not on PATH: only its text is checked (format, variables, pins, values)")
        return None
    folder = tempfile.mkdtemp()
    import atexit
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(ROOT, os.path.join(folder, "terraform"), ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    environment = {**os.environ, **provider_environment(folder), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}

    def terraform(*arguments, workspace="default"):
        return subprocess.run(["terraform", *arguments], cwd=os.path.join(folder, "terraform"), text=True, capture_output=True, check=False,
                              env={**environment, "TF_WORKSPACE": workspace}, timeout=900)
    initialised = terraform("init", "-no-color", "-backend=false", "-lockfile=readonly")
    if initialised.returncode != 0:
        output = initialised.stdout + initialised.stderr
        # Only a provider that cannot be had is a reason; everything else is our fault.
        assert re.search(r"Failed to (query available|install) provider|could not connect to", output), output
        print("terraform finds no AWS provider (no mirror, no network): only its text is checked")
        return None
    _prepared = terraform
    return terraform


def passes(result):
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", result.stdout), result.stdout


def test_every_variable_is_used_and_described(_=None):
    for folder in FOLDERS:
        text = without_comments(text_of(folder))
        variables = list(blocks(text, "variable"))
        for (name,), body in variables:
            # Another variable's refusal may be all that a variable is for; its own is no use of it.
            used = re.search(rf"\bvar\.{name}\b", text.replace(body, "")) or name == "timescaledb"
            assert used, f"{folder}: variable {name} is not used"
            assert re.search(r'description\s*=\s*"', body), f"{folder}: variable {name} is not described"
            assert re.search(r"\btype\s*=", body), f"{folder}: variable {name} has no type"
        known = {name for (name,), _ in variables}
        for name in set(re.findall(r"\bvar\.(\w+)", text)):
            assert name in known, f"{folder}: var.{name} is not declared"


def test_every_local_and_data_source_is_used(_=None):
    for folder in FOLDERS:
        text = without_comments(text_of(folder))
        for found in re.finditer(r"(?m)^locals \{", text):
            for name in re.findall(r"(?m)^  (\w+)\s*=", block(text, found.start())):
                assert re.search(rf"\blocal\.{name}\b", text), f"{folder}: local.{name} is not used"
        for (kind, name), _ in blocks(text, "data"):
            assert f"data.{kind}.{name}" in text, f"{folder}: data.{kind}.{name} is not used"


def test_modules_get_what_they_declare_and_outputs_are_read(_=None):
    text = without_comments(text_of(ROOT))
    called = dict(((name,), body) for (name,), body in blocks(text, "module"))
    assert {name for (name,) in called} == {os.path.basename(m) for m in MODULES}
    for (name,), body in called.items():
        module = without_comments(text_of(os.path.join(ROOT, "modules", name)))
        declared = {v for (v,), _ in blocks(module, "variable")}
        given = set(re.findall(r"(?m)^  (\w+)\s*=", body)) - {"source", "providers", "count"}
        assert declared == given, f"module {name}: {declared ^ given}"
        for (output,), _ in blocks(module, "output"):
            assert re.search(rf"\bmodule\.{name}(\[[^]]*\])?\.{output}\b|for it in module\.{name}\b", text), f"module {name}: output {output} is not read"


def test_both_environments_give_every_value_that_has_no_default(_=None):
    variables = {name: body for (name,), body in blocks(without_comments(text_of(ROOT)), "variable")}
    needed = {name for name, body in variables.items() if not re.search(r"\bdefault\s*=", body)}
    for environment in ("staging", "production"):
        given = values(environment)
        assert len(given) == len(set(given)) and set(given) <= set(variables), environment
        assert needed <= set(given), f"{environment}: {needed - set(given)} would be asked for"


def test_only_the_aws_provider_pinned_and_locked(_=None):
    for folder in (ROOT, os.path.join(ROOT, "bootstrap")):
        text = text_of(folder)
        assert set(re.findall(r'source\s*=\s*"(hashicorp/[^"]+)"', text)) == {"hashicorp/aws"}
        assert f'version = "{VERSION}"' in text, folder
        lock = open(os.path.join(folder, ".terraform.lock.hcl"), encoding="utf-8").read()
        assert re.findall(r'provider "([^"]+)"', lock) == ["registry.terraform.io/hashicorp/aws"], lock
        assert f'version     = "{VERSION}"' in lock and re.search(r'"h1:[A-Za-z0-9+/=]{44}"', lock), lock
    for folder in MODULES:
        kinds = {kind for (kind, _), _ in blocks(text_of(folder), "resource")}
        assert all(kind.startswith("aws_") for kind in kinds), kinds


def test_the_state_is_encrypted_and_locked(_=None):
    text = text_of(ROOT)
    backend = block(text, text.index('backend "s3"'))
    assert re.search(r"use_lockfile\s*=\s*true", backend) and re.search(r"encrypt\s*=\s*true", backend), backend
    assert "dynamodb" not in text


def test_no_secret_stands_in_the_files(_=None):
    for folder in FOLDERS:
        for line in without_comments(text_of(folder)).splitlines():
            assert not re.search(r'(password|token|secret|auth_token|secret_string)\s*=\s*"[^"$]{6,}"', line), f"{folder}: {line}"


def test_policies_name_what_they_allow(_=None):
    for folder in FOLDERS:
        for action in re.findall(r'Action\s*=\s*"([^"]+)"', text_of(folder)):
            # The account's own hold on its keys; the refusal of plain text.
            assert "*" not in action or action in ("kms:*", "s3:*"), f"{folder}: {action}"
        text = without_comments(text_of(folder))
        for actions in re.findall(r"Action\s*=\s*\[([^]]*)\]", text):
            for action in re.findall(r'"([^"]+)"', actions):
                assert ":" in action and not action.endswith(":*"), f"{folder}: {action}"
        for found in re.finditer(r'Action\s*=\s*"s3:\*"', text):
            assert '"Deny"' in text[max(0, found.start() - 120):found.start()], f"{folder}: s3:* that is not a refusal"


def test_modules_have_a_short_readme(_=None):
    for module in MODULES:
        lines = open(os.path.join(module, "README.md"), encoding="utf-8").read().strip().splitlines()
        assert 3 <= len(lines) <= 8, module


def test_what_moto_lacks_is_listed_for_readers(_=None):
    listed = subprocess.run([os.path.join(REPOSITORY, "tests/infrastructure/terraform_moto.sh"), "--list"], text=True, capture_output=True, check=True)
    readme = open(os.path.join(ROOT, "README.md"), encoding="utf-8").read()
    for line in listed.stdout.splitlines():
        module, resource = line.split(":")[0].split(".", 1)
        assert f"`{resource}`" in readme, f"README.md does not name {resource} of {module}"
        assert f'resource "{resource.split(".")[0]}" "{resource.split(".")[1]}"' in text_of(
            os.path.join(ROOT, module if module == "bootstrap" else f"modules/{module}")), f"{line}: no such resource"


def test_the_text_is_formatted(_=None):
    if shutil.which("terraform"):
        done = subprocess.run(["terraform", "fmt", "-check", "-recursive", "-diff", ROOT], text=True, capture_output=True, check=False,
                              env={**os.environ, "TF_CLI_CONFIG_FILE": ""})
        assert done.returncode == 0, done.stdout
    for path in glob.glob(os.path.join(ROOT, "**/*.tf*"), recursive=True) + glob.glob(os.path.join(ROOT, "**/*.hcl"), recursive=True):
        if "/.terraform/" not in path and os.path.isfile(path):
            text = open(path, encoding="utf-8").read()
            assert text.endswith("\n") and not text.endswith("\n\n"), path
            for number, line in enumerate(text.splitlines(), 1):
                indent = len(line) - len(line.lstrip(" "))
                assert "\t" not in line and line == line.rstrip() and indent % 2 == 0, f"{path}:{number}"


def passes_validation(terraform):
    done = terraform("validate", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


def test_terraform_finds_it_valid(_=None):
    terraform = prepared()
    if terraform:
        passes_validation(terraform)


def test_each_module_holds_what_it_promises(_=None):
    terraform = prepared()
    if terraform:
        assert terraform("init", "-no-color", "-backend=false", "-lockfile=readonly", "-test-directory=tests/modules").returncode == 0
        passes(terraform("test", "-no-color", "-test-directory=tests/modules"))


def test_staging_and_the_refusals(_=None):
    terraform = prepared()
    if terraform:
        passes(terraform("test", "-no-color", "-var-file=environments/staging.tfvars", "-filter=tests/staging.tftest.hcl",
                         "-filter=tests/refusals.tftest.hcl", workspace="staging"))


def test_production_and_its_refusals(_=None):
    terraform = prepared()
    if terraform:
        passes(terraform("test", "-no-color", "-var-file=environments/production.tfvars", "-filter=tests/production.tftest.hcl"))
