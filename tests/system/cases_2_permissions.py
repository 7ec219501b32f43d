"""Every route of the OpenAPI document, as nobody, as every role, and as a stranger of another organization."""
import json
import re

ROLES = ("admin", "manager", "analyst", "buyer", "viewer", "supplier")
WRITES = ("post", "put", "patch", "delete")


def operations(product):
    document = product.admin().get("/api/v1/openapi.json")
    assert document.status == 200, document
    found = []
    for path, methods in document.json["paths"].items():
        for method, operation in methods.items():
            if method in ("get",) + WRITES:
                found.append((method, path, operation))
    assert len(found) > 30, f"only {len(found)} operations in the OpenAPI document"
    return found


def ask(client, method, path, ids=None, query=""):
    concrete = re.sub(r"\{(\w+)[^}]*\}", lambda m: str((ids or {}).get(path, 999_999_999)), path) + query
    # An empty object satisfies no schema: what may be asked is checked before what is asked.
    return client.call(method.upper(), concrete, body=b"{}" if method in WRITES else None,
                       headers={"Content-Type": "application/json"} if method in WRITES else None)


def required_query(operation):
    """What a read must say besides its path, each as its own name."""
    names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query" and p.get("required")]
    return "?" + "&".join(f"{name}={name}" for name in names) if names else ""


def guarded(product):
    return [(m, p, o) for m, p, o in operations(product) if o.get("x-permission")]


def test_nobody_reaches_a_guarded_route(product):
    for method, path, _ in guarded(product):
        answer = ask(product.client(), method, path)
        assert answer.status == 401, (method, path, answer)


def test_only_sign_in_is_public(product):
    public = {p for _, p, o in operations(product) if not o.get("x-permission")}
    for path in public:
        assert "/auth/" in path or path.startswith("/health") or path.endswith(("openapi.json", "metrics")), \
            f"{path} needs no permission"


def test_a_role_reaches_exactly_the_routes_of_its_permissions(product):
    routes = guarded(product)
    for role in ROLES:
        person = product.member(role) if role != "admin" else product.admin()
        permissions = set(person.session["permissions"])
        for method, path, operation in routes:
            answer = ask(person, method, path)
            may = operation["x-permission"] in permissions
            assert (answer.status != 403) == may, (role, method, path, operation["x-permission"], answer)
            assert answer.status < 500 or answer.status == 503, (role, method, path, answer)


def test_roles_mean_what_they_say(product):
    def allowed(role):
        return set((product.member(role) if role != "admin" else product.admin()).session["permissions"])

    everything = {o["x-permission"] for _, _, o in guarded(product)}
    assert everything <= allowed("admin"), everything - allowed("admin")
    assert not allowed("supplier") & everything
    viewer = product.member("viewer")
    for method, path, _ in guarded(product):
        if method in WRITES:
            assert ask(viewer, method, path).status == 403, f"a viewer may {method} {path}"
    for role in ROLES[1:]:
        answer = product.member(role).post("/api/v1/users", {"email": "z@example.com", "name": "Z", "role": "admin"})
        assert answer.status == 403, (role, answer)


def stranger(product):
    """The administrator of another organization."""
    if not hasattr(product, "stranger"):
        product.stranger = other_organization(product)
    return product.stranger


def other_organization(product):
    email = f"stranger.{product.port}@example.org"
    made = product.ctl("user", "bootstrap", "--organization", "Stranger Ltd", "--email", email)
    password = re.search(r"password\W+(?:\w+\W+)?(\S{10,})\s*$", made.stdout + made.stderr, re.I | re.M).group(1)
    return product.client().login(email, password)


def real_ids(product):
    """A real id of our organization for each path with a first id in it."""
    admin, ids = product.admin(), {}
    for method, path, _ in guarded(product):
        collection = path.split("/{")[0]
        if "{" not in path or collection in ids:
            continue
        answer = admin.get(collection)
        rows = answer.json.get("data", []) if answer.status == 200 else []
        if rows and "id" in rows[0]:
            ids[collection] = rows[0]["id"]
    return {path: ids[path.split("/{")[0]] for _, path, _ in guarded(product)
            if "{" in path and path.split("/{")[0] in ids}


def test_a_stranger_sees_and_changes_nothing_of_ours(product):
    other, ids = stranger(product), real_ids(product)
    assert any("/items/" in p for p in ids) and any("/uploads/" in p for p in ids), ids
    before = product.sql("select count(*), max(id) from items")
    for method, path, operation in guarded(product):
        if path in ids:
            answer = ask(other, method, path, ids, required_query(operation))
            assert answer.status in (400, 404, 409, 415, 422), (method, path, ids[path], answer)
            if method == "get":
                assert answer.status == 404, (method, path, ids[path], answer)
    assert product.sql("select count(*), max(id) from items") == before


def test_a_strangers_lists_are_empty(product):
    other = stranger(product)
    for method, path, _ in guarded(product):
        if method == "get" and "{" not in path and not path.endswith(("/users", "/audit")):
            answer = other.get(path)
            assert answer.status < 500, (path, answer)
            if answer.status == 200 and isinstance(answer.json, dict) and isinstance(answer.json.get("data"), list):
                assert answer.json["data"] == [], (path, answer)
    people = other.get("/api/v1/users").json["data"]
    assert [p["email"] for p in people] == [other.session["user"]["email"]], people


def test_the_database_itself_refuses_another_organization(product):
    tables = product.sql("select count(*) from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace "
                         "and exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'organization_id') "
                         "and not (relrowsecurity and relforcerowsecurity) and not relispartition")
    assert tables == "0", f"{tables} tables with organization_id lack forced row-level security"
    parts = product.sql("select count(*) from pg_class where relispartition and relkind = 'r' "
                        "and has_table_privilege('pricing_app', oid, 'select, insert, update, delete')")
    assert parts == "0", f"the services' role reaches {parts} partitions past the policy of their table"
    seen = product.sql("set role pricing_app; select set_config('app.organization_id', '-1', false); "
                       "select count(*) from items; select count(*) from price_observations").splitlines()
    assert seen[-2:] == ["0", "0"], seen


def test_every_write_leaves_an_audit_event(product):
    admin = product.admin()
    before = int(product.sql("select count(*) from audit_events"))
    made = admin.post("/api/v1/users", {"email": f"audit.{product.port}@example.com", "name": "Audited", "role": "viewer"})
    assert made.status in (200, 201), made
    assert int(product.sql("select count(*) from audit_events")) > before
    trail = admin.get("/api/v1/audit").json["data"]
    assert any(str(made.json["id"]) == str(e.get("subject_id")) for e in trail[:10]), trail[:3]
    assert made.json["generated_password"] not in json.dumps(trail)
