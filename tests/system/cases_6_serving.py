"""Models that people bring along: uploaded to pricing-ml, asked with both protocols, rolled back by one command."""
STEP = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=a b
feature_infos=[0:1] [0:1]
tree_sizes=0

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold=0.5
decision_type=2
left_child=-1
right_child=-2
leaf_value={low} {high}
leaf_weight=1 1
leaf_count=10 10
internal_value=0
internal_weight=2
internal_count=20
is_linear=0
shrinkage=1


end of trees

parameters:
end of parameters
"""


def ml_client(product):
    """pricing-ml with the administrator's access token."""
    signed_in = product.client().post("/api/v1/auth/token", {"email": product.email, "password": product.password})
    assert signed_in.status == 200, signed_in
    client = product.client()
    client.port = product.port + 1
    bearer = {"Authorization": "Bearer " + signed_in.json["access_token"]}
    plain = client.call
    client.call = lambda method, path, body=None, headers=None, **more: \
        plain(method, path, body, {**bearer, **(headers or {})}, **more)
    return client


def upload(ml, low, high):
    body = STEP.format(low=low, high=high).encode()
    answer = ml.call("POST", "/api/v1/models/system-test/versions?promote=true", body)
    assert answer.status == 201, answer
    return answer.json


def infer(ml, rows):
    body = {"inputs": [{"name": "input", "shape": [len(rows), 2], "datatype": "FP32", "data": rows}]}
    answer = ml.post("/v2/models/system-test/infer", body)
    assert answer.status == 200, answer
    return answer.json["model_version"], answer.json["outputs"][0]["data"]


def test_an_uploaded_model_answers_both_protocols(product):
    ml = ml_client(product)
    version = upload(ml, 1, 2)
    assert version["features"] == 2 and version["format"].startswith("lightgbm"), version
    assert infer(ml, [[0.4, 0], [0.6, 0]])[1] == [1, 2]
    own = ml.post("/api/v1/predict/system-test", {"features": {"a": 0.6, "b": 0}})
    assert own.status == 200 and own.json["prediction"] == 2, own


def ours(product):
    return "--organization", product.admin().session["organization"]["slug"]


def test_a_version_is_rolled_back_by_one_command(product):
    ml = ml_client(product)
    before = infer(ml, [[0, 0]])
    upload(ml, 10, 20)
    assert infer(ml, [[0, 0]])[1] == [10]
    said = product.ctl("models", "rollback", "system-test", *ours(product)).stdout
    assert f"version {before[0]} in use" in said, said
    from cases_9_processes import wait_for
    wait_for(lambda: infer(ml, [[0, 0]]) == before, 10, "the rollback is not served")
    assert "system-test" in product.ctl("models", "list", *ours(product)).stdout


def test_a_name_means_ones_own_model_also_at_pricing_web(product):
    from cases_4_authorization import stranger
    upload(ml_client(product), 1, 2)
    path = "/api/v1/models/system-test"
    assert product.admin().get(path).status == 200
    for who in stranger(product):
        known, unknown = who.call("GET", path), who.call("GET", "/api/v1/models/no-such-model")
        assert known.status == unknown.status == 404, (known, unknown)
        assert known.json["message"].replace("system-test", "") == unknown.json["message"].replace("no-such-model", "")
        for method, end, body in (("POST", "promote", {"version": 1}), ("POST", "rollback", None), ("PUT", "traffic", {})):
            answer = who.call(method, f"{path}/{end}", body=body)
            assert 400 <= answer.status < 500, (end, answer)
    assert product.admin().get(path).status == 200


def compare(client, left, right, name="system-test"):
    return client.call("GET", f"/api/v1/models/{name}/compare?left={left}&right={right}")


def test_versions_of_an_uploaded_model_are_compared(product):
    from cases_4_authorization import stranger
    from cases_9_processes import wait_for
    ml = ml_client(product)
    older, newer = upload(ml, 1, 2)["version"], upload(ml, 1, 3)["version"]
    answer = compare(product.admin(), older, newer)
    assert answer.status == 200, answer
    left, right = answer.json["left"], answer.json["right"]
    assert (left["state"], right["state"]) == ("retired", "promoted"), answer.json
    assert right["promotions"][0]["by"] and right["uploaded_by"], right
    assert right["file"]["trees"] == right["file"]["depth"] == 1 and right["file"]["sha256"] != left["file"]["sha256"], right
    kept = answer.json["features"]["list"]
    assert [(f["name"], f["change"], f["right"]["splits"]) for f in kept] == [("a", "kept", 1), ("b", "kept", 0)], kept
    assert answer.json["answers"] is None, answer.json["answers"]
    # While one shadows the other, their answers to the same rows are held against each other too.
    assert ml.call("PUT", "/api/v1/models/system-test/traffic", {"shadow": older}).status == 200
    infer(ml, [[0.4, 0], [0.6, 0]])
    wait_for(lambda: compare(product.admin(), newer, older).json["answers"], 10, "the shadow's answers are not counted")
    told = compare(product.admin(), newer, older).json["answers"]
    assert (told["rows"], told["differing"], told["max_difference"]) == (2, 1, 1), told
    ml.call("PUT", "/api/v1/models/system-test/traffic", {})
    for wrong, status in ((999, 404), ("x", 404), (newer, 422), ("", 422)):
        assert compare(product.admin(), newer, wrong).status == status, wrong
    for who in stranger(product):
        known, unknown = compare(who, older, newer), compare(who, older, newer, "no-such-model")
        assert known.status == unknown.status == 404, (known, unknown)
        assert known.json["message"].replace("system-test", "") == unknown.json["message"].replace("no-such-model", "")


def test_strangers_and_viewers_get_no_predictions(product):
    ml = product.client()
    ml.port = product.port + 1
    answer = ml.post("/v2/models/system-test/infer", {"inputs": []})
    assert answer.status == 401 and "error" in answer.json, answer
