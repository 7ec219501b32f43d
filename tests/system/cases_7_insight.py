"""Forecasts, strange prices, and whether the model still fits, on the generated sample."""
from cases_3_main_job import load
from cases_9_processes import wait_for


def busiest(admin):
    return admin.get("/api/v1/items?sort=bids&priced=true&limit=1").json["data"][0]


def test_an_item_has_a_forecast_with_bands(product):
    admin = product.admin()
    answer = admin.get(f"/api/v1/items/{busiest(admin)['id']}/forecast?months=18")
    assert answer.status == 200, answer
    forecast = answer.json
    assert len(forecast["months"]) == 18, forecast
    for m in forecast["months"]:
        low90, low80, mean, high80, high90 = (float(m[k]) for k in ("low90", "low80", "mean", "high80", "high90"))
        assert 0 <= low90 <= low80 <= mean <= high80 <= high90, m
    assert abs(sum(m["weight"] for m in forecast["members"]) - 1) < 1e-6, forecast["members"]
    assert admin.get("/api/v1/market/index/forecast").status == 200
    assert admin.get(f"/api/v1/items/{forecast['item_id']}/forecast?months=25").status == 422


def test_too_little_data_is_said_in_plain_words(product):
    admin = product.admin()
    rows = "date,item,unit,quantity,price,supplier,reference\n2025-03-01,Zygomorphic Widget,Ea,5,7,Northfield Paving,Z-1\n"
    load(admin, "one_price.csv", rows.encode())
    item = product.sql("select id from items where name = 'Zygomorphic Widget'")
    answer = admin.get(f"/api/v1/items/{item}/forecast")
    assert answer.status == 422 and answer.json["message"].startswith("Too little data"), answer


def test_a_strange_price_is_found_after_its_load_and_kept_as_decided(product):
    admin = product.admin()
    item = busiest(admin)
    fair = float(admin.get(f"/api/v1/items/{item['id']}").json["benchmark"]["median"])
    name = item["name"].replace('"', '""')
    rows = "date,item,unit,quantity,price,supplier,reference\n" + "".join(
        f"2025-06-{day:02},\"{name}\",{item['unit']},100,{fair * (40 if day == 9 else 1 + day / 100):.2f},Northfield Paving,Q-{day}\n"
        for day in range(1, 21))
    upload = load(admin, "strange.csv", rows.encode())["id"]

    def found():
        return admin.get(f"/api/v1/anomalies?upload_id={upload}").json["data"]
    wait_for(found, 120, "the strange price was not found")
    first = found()[0]
    assert first["state"] == "open" and first["item_id"] == item["id"] and first["observed_on"] == "2025-06-09", first
    assert float(first["excess"]) > 0 and first["reasons"], first
    assert first["q"] <= 0.1, first

    dismissed = admin.call("PATCH", f"/api/v1/anomalies/{first['id']}", body={"state": "dismissed"})
    assert dismissed.status == 200 and dismissed.json["decided_by"], dismissed
    assert any("anomalies" in str(e) for e in admin.get("/api/v1/audit?limit=20").json["data"]), "no trace of the decision"
    assert first["id"] not in [a["id"] for a in admin.get("/api/v1/anomalies?state=open&limit=200").json["data"]]
    assert any(r["upload_id"] == upload for r in admin.get("/api/v1/anomalies/summary").json["runs"])


def test_the_model_is_held_against_new_prices(product):
    admin = product.admin()
    wait_for(lambda: admin.get("/api/v1/models/drift").json["report"], 180, "no drift report")
    report = admin.get("/api/v1/models/drift").json["report"]
    assert report["model_version"] and report["reference_bids"] > 300 and report["groups"][0]["name"] == "all", report
    measured = admin.get("/api/v1/models/calibration").json
    assert 0.8 <= measured["report"]["overall"]["coverage_90"] <= 0.99, measured["report"]["overall"]
    assert measured["report"]["by_size"] and measured["report"]["importance"], measured["report"]
    assert any(v["state"] == "promoted" and v["ours"] for v in measured["versions"]), measured["versions"]
