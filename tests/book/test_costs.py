"""Costs: clocks, ratios, records, limits, exponents and budgets, against values worked out by hand."""

import numpy as np
import pytest
import torch
from measured import FORMAT, compared, in_turn, matrix_speed, middle, multiplications, save

from mia_book import made_fast
from mia_book import what_it_costs as costs
from mia_book.what_it_costs import enough_in_words, exponent, growth_table, half_width, read, suggest
from mia_core.base.errors import ArrayError, DataError, SettingsError
from mia_core.measures.claims import judge
from mia_core.model.build import build_network


def grown(time_models=1.0, time_examples=1.0, memory_models=0.0, memory_examples=1.0, rounds=3):
    """Rows of a benchmark of growth that follow these exponents, each round a little slower than the one before."""

    def row(number, kind, models, size, time, memory):
        cost = {"seconds": (1 + number) * (models * size) ** time, "megabytes": 5 * (models * size) ** memory}
        return {"round": number, "kind": kind, "models": models, "examples": 1000 * size, **cost}

    kinds = [("streamed", models, 1, time_models, memory_models) for models in (1, 4, 16)]
    kinds += [("together", models, 1, time_models, 1.0) for models in (1, 4, 16)]
    kinds += [("streamed", 1, size, time_examples, memory_examples) for size in (2, 8)]
    return [row(number, *kind) for number in range(rounds) for kind in kinds]


def test_actions_take_turns_and_ratios_are_those_of_neighbours():
    order = []
    found = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert all(len(values) == 3 and wall >= 0 and worked >= 0 for values in found.values() for wall, worked in values)
    found = compared([(2, 4), (9, 9), (4, 1)], [(1, 1), (3, 9), (1, 1)])
    assert found["wall"] == {"least": 2, "median": 3, "most": 4}
    assert found["processor"] == {"least": 1, "median": 1, "most": 4}
    assert middle([(1, 5), (3, 4), (2, 9)]) == {"wall": 2, "processor": 5}


def test_a_record_says_where_and_when_and_is_read_back(tmp_path, monkeypatch):
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    path = save("some", {"value": 1.23456789, "rows": [{"seconds": 2.0}]}, (1.0, 2.0, 3.0))
    assert path == tmp_path / "benchmarks" / "some.json"
    found = read("some")
    assert found["results"] == {"value": 1.235, "rows": [{"seconds": 2.0}]}
    assert found["load_before"] == [1.0, 2.0, 3.0] and len(found["load_after"]) == 3
    assert {"processor", "cores", "instructions"} <= set(found["machine"]) and found["versions"]["torch"]
    with pytest.raises(ValueError):
        save("other", {"value": float("nan")}, (0, 0, 0))
    assert not path.with_name("other.json").exists()


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"format": 1}', '{"format": 2, "name": "some", "results": {}}'])
def test_a_record_that_is_missing_or_damaged_is_named(tmp_path, monkeypatch, text):
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    if text is not None:
        (tmp_path / "benchmarks").mkdir()
        (tmp_path / "benchmarks" / "some.json").write_text(text)
    with pytest.raises(DataError, match=r"some.json: no recorded benchmark, or damaged .*make bench"):
        read("some")


@pytest.mark.parametrize("network", ["cnn", "mlp"])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 16, 16), (2, 13, 15)])
def test_multiplications_are_those_that_torch_counts(network, shape):
    from torch.utils.flop_counter import FlopCounterMode

    mean, scale = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    built = build_network(network, mean, scale, 7, 24, (), (0, 0), torch.device("cpu"))
    with FlopCounterMode(display=False) as counter:
        built.body(torch.zeros(1, *shape)).sum().backward()
    assert counter.get_total_flops() == 2 * multiplications(shape, 7, 24, network)


def test_a_matrix_product_has_a_speed():
    assert 1e8 < matrix_speed(repeats=1) < 1e14


def test_exponents_are_slopes():
    assert exponent([1, 2, 4], [3, 6, 12]) == pytest.approx(1)
    assert exponent([1, 10, 100], [5, 5, 5]) == pytest.approx(0)
    assert exponent([1, 2, 4], [1, 4, 16]) == pytest.approx(2)
    wanted = zip(costs.CURVES, (1.1, 0.9, 0.2, 0.7, 1.0), strict=True)
    assert costs.exponents(grown(1.1, 0.9, 0.2, 0.7)) == {name: [pytest.approx(value)] * 3 for name, value in wanted}
    for sizes, values in (([1], [1]), ([2, 2], [1, 2]), ([1, 2], [0, 1]), ([1, 2], [1])):
        with pytest.raises(ArrayError, match="growth: expected values above 0 of at least 2 sizes"):
            exponent(sizes, values)


def test_claims_on_growth_can_hold_and_fail():
    def outcomes(rows):
        return [judge(claim, growth_table(rows), "none").outcome for claim in costs.GROWTH_CLAIMS]

    assert outcomes(grown()) == ["holds"] * 4
    assert outcomes(grown(1.5, 1.5, 0.5, 1.5)) == ["does not hold"] * 4
    assert outcomes(grown(rounds=1)) == ["cannot be told"] * 4


def test_the_difference_is_that_to_the_slope_claimed():
    def shown(rows):
        return costs.growth_verdicts([judge(claim, growth_table(rows), "none") for claim in costs.GROWTH_CLAIMS])

    table = shown(grown(1.1, 0.9, 0.1, 1.05))
    assert [text.split(" ")[0] for text in table["measured difference"]] == ["+0.100", "-0.100", "+0.100", "+0.050"]
    assert table["measured difference"].str.endswith(" (3 rounds)").all() and (table["verdict"] == "holds").all()
    assert table["claim"].str.contains("to within 0.15").all()
    assert shown(grown(0.9, 0.8, rounds=1))["measured difference"].tolist()[1] == "-0.200 (1 round)"
    _, alt = costs.growth_figure(grown())
    assert "time, models 1.00, to 16.0 times at 16 times the size" in alt and "memory, models 0.00" in alt


def test_a_budget_buys_seeds_first_never_more_than_fits_and_these_narrow_the_interval():
    assert suggest(1, 60).seeds == 0 and suggest(1, 60).half_width is None
    two = suggest(2 * costs.TRAININGS_A_SEED, 60)
    assert (two.seeds, two.references) == (2, 0)
    some = suggest(100, 60)  # 100 trainings: 6 seeds from half of them, 52 reference models
    assert (some.seeds, some.references, some.used) == (6, 52, 100)
    assert suggest(100, 60, cores=2).seeds == 10 and suggest(1e6, 60).references == 256
    assert enough_in_words([300, 160, 100], 60) == "10 seeds first fit into the budget of 160 minutes"
    assert enough_in_words([100], 60) == "none of these budgets has room for 10 seeds"
    for minutes in np.geomspace(0.5, 1000, 40):
        found = suggest(minutes, 7.0, 2)
        assert found.used <= minutes and found.references % 2 == 0
    for wrong in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(SettingsError, match="budget: expected minutes and seconds above 0"):
            suggest(*wrong)
    assert half_width(1) is None
    assert half_width(2) == pytest.approx(12.706 / 2**0.5, rel=1e-4)  # tables of Student's t
    assert half_width(5) == pytest.approx(2.776 / 5**0.5, rel=1e-3)
    table = costs.budget_table([1, 1000], 60, price=3)
    assert table["seeds"].tolist() == [0, 10] and table["time used"].tolist() == ["0 s", "5.6 h"]
    assert table["budget"].tolist() == ["60 s", "17 h"] and table["price"].tolist() == ["0.00", "16.80"]


def test_runs_take_whole_rounds_of_all_cores_and_cost_what_an_hour_does():
    assert costs.cost(8, 60, cores=4, price=3) == (120, 0.1)
    assert costs.cost(9, 60, cores=4, price=3) == (180, pytest.approx(0.15))
    for wrong in ((0, 1, 1), (1, 0, 1), (1, 1, -1)):
        with pytest.raises(SettingsError, match="cost: expected seconds above 0"):
            costs.cost(1, *wrong)
    table = costs.cost_table({"digits": 60.0, "large": 3600.0}, cores=2, price=10).set_index("run")
    study = table.loc["a study of five seeds"]  # 40 trainings: 20 rounds
    assert list(study) == [40, "20 min", "3.33", "20 h", "200.00"]
    assert [costs.duration(value) for value in (0.7321, 89, 91, 5399, 5401)] == [
        "0.73 s",
        "89 s",
        "1.5 min",
        "90 min",
        "1.5 h",
    ]
    assert [costs.amount(value) for value in (0, 0.004, 0.006, 1234.5)] == ["0.00", "0.0040", "0.0060", "1,234.50"]


RATIO = {clock: {"least": 1.5, "median": 2.0, "most": 2.5} for clock in ("wall", "processor")}
BOTH = {"wall": 9.0, "processor": 4.44}
ONE = {"plain_loop_seconds": BOTH, "mia_core_seconds": BOTH, "times_faster": RATIO, "limit_seconds": 2.22,
       "share_of_limit": 0.5}  # fmt: skip


def test_tables_give_medians_spread_and_share():
    epoch = {"plain_loop_seconds": BOTH, "chosen": "bfloat16"}
    epoch["precisions"] = {"float32": ONE | {"product_tflops": 0.1}, "bfloat16": ONE | {"product_tflops": 2.0}}
    table = made_fast.costs_table({"results": ONE | {"epochs": 10, "precision": "float32"}}, {"results": epoch})
    assert table["training"].str.rpartition(", ")[2].tolist() == ["float32", "float32", "bfloat16"]
    for row in table.drop(columns="training").to_numpy().tolist():
        assert row == ["2.00 (1.50 to 2.50)", "4.4", "4.4", "2.2", "50%"]
    assert made_fast.speeds({"results": epoch}) == "0.100 TFLOP/s in float32 and 2.000 in bfloat16"
    assert costs.chosen({"results": epoch}) == ONE | {"product_tflops": 2.0}
    rows = [{"network": "cnn", "models": 4, "alone_seconds": BOTH, "together_seconds": BOTH, "times_faster": RATIO}]
    assert made_fast.together_table({"results": {"device": "cpu", "rows": rows}})["at once, s"].tolist() == ["4.4"]
    assert made_fast.together_table({"results": {"device": "cuda", "rows": rows}})["at once, s"].tolist() == ["9"]
    more = {"processor": {"median": 1.4}, "wall": {"median": 1.0}}
    rows += [{"network": "cnn", "models": 16, "times_faster": more}, {"network": "mlp", "models": 1}]
    assert made_fast.best_together({"results": {"device": "cpu", "rows": rows}}, "cnn") == (4, 2.0)
    rows[0] = rows[0] | {"times_faster": {clock: {"median": 1.1} for clock in RATIO}}
    assert made_fast.best_together({"results": {"device": "cpu", "rows": rows}}, "cnn") == (16, 1.4)
    assert made_fast.best_together({"results": {"device": "cuda", "rows": rows}}, "cnn") == (4, 1.1)
    assert costs.seconds(0.01234) == "0.012" and costs.seconds(123.4) == "123"
    about = {"name": "x", "made": "2030-01-02T03", "machine": {"cores": "2", "instructions": "avx2"}}
    loads = {"load_before": [3.4, 1, 1], "load_after": [0.2, 1, 1]}
    assert made_fast.machines_table([about | loads]).iloc[0].tolist() == ["x", "2030-01-02", "2, avx2", "3 to 0"]


@pytest.mark.parametrize("name", ["study", "epoch", "together", "growth", "startup", "same", "same-cifar10", "peers"])
def test_recorded_benchmarks_are_whole(name):
    record = read(name)
    assert record["machine"]["instructions"] and record["versions"]["torch"] and len(record["load_before"]) == 3
    assert record["results"] and record["format"] == FORMAT


def test_two_ways_to_train_are_compared_within_seeds():
    values = {"ordinary loop": (0.5, 0.6, 0.7), "float32": (0.51, 0.62, 0.73), "bfloat16": (0.5, 0.6, 0.7)}
    rows = [
        {"trained_by": name, "seed": seed, "target_accuracy": value, "attack_accuracy": 0.8, "auc": 1 - value}
        for name, found in values.items()
        for seed, value in enumerate(found)
    ]
    table = made_fast.same_table({"results": {"rows": rows}}).set_index("measure")
    # Differences 0.01, 0.02, 0.03: their mean, and 4.303 (Student's t of two degrees) times 0.01 / sqrt(3) around it.
    assert table.loc["test accuracy, float32", "difference"] == "+0.020 [-0.005, +0.045]"
    assert table.loc["attack AUC, float32", "difference"] == "-0.020 [-0.045, +0.005]"
    assert list(table.loc["attack accuracy, float32"]) == ["+0.000", "0.800", "0.800"], "no width where all are equal"
    assert table.loc["test accuracy, bfloat16", "difference"] == "+0.000"
    one = made_fast.same_table({"results": {"rows": [row for row in rows if row["seed"] == 0]}})
    assert one["difference"].tolist()[:2] == ["+0.010", "+0.000"]
