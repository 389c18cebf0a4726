"""The evaluation card: for each sentence, rows of which it would be false, and the true one in its place."""

import statistics

import pytest
import yaml
from results import complete, save_audit, save_failure
from test_figures import full
from test_report import row

from supreme.core import seeds
from supreme.report import Endpoints
from supreme.report.page.card.card import as_yaml, evaluation_card
from supreme.report.page.card.components import design_of
from supreme.report.page.card.methods import data_accessed
from supreme.report.rows.load import load
from supreme.report.statistics.aggregate import BLOCK, summary
from supreme.report.statistics.joint import verdicts
from supreme.report.tables.audits import load_audits

RECIPE = {
    "_target_": "supreme.recipes.Recipe",
    "epochs": 40,
    "batch_size": 64,
    "schedule": "multistep",
    "milestones": [],
    "original_keeps": "last",
    "original_milestone_shift": 0,
    "reference_batch_size": None,
}
PLACE = {"data": "digits", "model": "small_cnn", "recipe": "digits-small_cnn", "scenario": "random", "setting": ""}


@pytest.fixture
def card_of(saved):
    """The card of these rows, as a report of their directory has it."""

    def make(*rows, audits=(), failed=(), endpoints=None):
        directory = saved(*rows)
        for record in audits:
            save_audit(directory, record)
        for one in failed:
            save_failure(directory, one, "ValueError: boom")
        frame = load(directory)
        table = summary(frame, endpoints=endpoints)
        stored = {one["cell"]: complete(one) for one in rows}
        ordered = [stored[cell] for cell in frame["cell"].unique()]
        found = load_audits(directory, rows=frame)
        card = evaluation_card(frame, table, ordered, found, verdicts(frame, table, endpoints), endpoints)
        assert yaml.safe_load(as_yaml(card)) == card
        return card

    return make


def limits(card):
    return "\n".join(card["not_supported"])


def with_keys(content, **keys):
    """The row with these keys of its models in the store."""
    whole = dict.fromkeys(("original", "reference", "unlearned"), "0" * 64) | keys
    return content | {"provenance": content["provenance"] | {"keys": whole}}


# Trainings


def test_the_stop_rule_is_the_recipes_and_a_choice_on_test_images_is_named(card_of):
    plain = card_of(row(config={"recipe": RECIPE}))
    assert plain["recipe"][0]["stop_rule"] == {
        "original": "the last of 40 epochs",
        "reference": "the last of 40 epochs",
    }
    assert "chosen on the test images" not in limits(plain)
    chosen = card_of(row(config={"recipe": RECIPE | {"original_keeps": "best_on_test"}}, protocol="supreme_paper"))
    rule = chosen["recipe"][0]["stop_rule"]
    assert rule["original"].startswith("the first of 40 epochs with the highest accuracy on the test images")
    assert rule["reference"] == "the last of 40 epochs"
    assert "The original's epoch was chosen on the test images: its test accuracy is too high." in limits(chosen)
    assert chosen["protocol"] == [{"name": "supreme_paper", "rows": 1}]


def test_of_a_recipe_that_does_not_say_when_it_stops_nothing_is_claimed(card_of):
    rules = card_of(row())["recipe"][0]["stop_rule"]
    assert set(rules.values()) == {"not declared: the values of r.R do not say which epoch is kept"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference_batch_size": 128}, "batches of 128 images, the original's of 64"),
        ({"original_milestone_shift": -1, "milestones": [60]}, "the original's milestones lie 1 epoch sooner"),
        ({"original_milestone_shift": 2, "milestones": [60]}, "the original's milestones lie 2 epochs later"),
        ({"original_keeps": "best_on_test"}, "keeps the last of 40 epochs; the original the first"),
    ],
)
def test_a_reference_that_is_trained_otherwise_than_the_original_is_no_model_of_the_same_recipe(card_of, change, words):
    assert card_of(row(config={"recipe": RECIPE}))["reference"][0]["training"] == "as the original's"
    card = card_of(row(config={"recipe": RECIPE | change}))
    assert card["reference"][0]["training"][0].startswith(words)
    assert "Original and reference are not trained alike" in limits(card)


def test_a_shift_of_milestones_that_there_are_not_is_no_difference(card_of):
    card = card_of(row(config={"recipe": RECIPE | {"original_milestone_shift": -1}}))
    assert card["reference"][0]["training"] == "as the original's"
    unread = {"schedule": "cosine", "milestones": [60], "original_milestone_shift": -1}
    assert card_of(row(config={"recipe": RECIPE | unread}))["reference"][0]["training"] == "as the original's"


def test_a_start_from_a_file_is_no_fresh_start_whether_the_values_or_only_the_record_tell_it(card_of):
    fresh = card_of(row(config={"model": {"pretrained": False, "checkpoint": None}}))
    assert (fresh["model"][0]["start"], fresh["reference"][0]["start"]) == ("random weights", "random weights")
    assert "seen before" not in limits(fresh)

    hub = card_of(row(config={"model": {"pretrained": True, "arch": "resnet10t"}}))
    assert hub["reference"][0]["start"] == "pretrained weights that the model's code fetches (resnet10t)"
    named = card_of(row(config={"model": {"checkpoint": "/weights/a.pth"}}))
    assert named["reference"][0]["start"] == "weights of the file /weights/a.pth"
    loaded = {"versions": {}, "device": "cpu", "cpu_capability": "x", "threads": 1}
    loaded["checkpoint"] = {"file": "a.pth", "sha256": "ab" * 32}
    recorded = card_of(row(provenance={"stages": {"original": loaded}}))
    assert recorded["model"][0]["start"] == f"weights of a.pth (SHA-256 {'ab' * 8})"
    for card in (hub, named, recorded):
        assert "what these have seen before is not forgotten, by the reference neither" in limits(card)


def test_what_the_retain_set_still_holds_of_the_forgotten_is_said_of_the_reference(card_of):
    assert card_of(row())["reference"][0]["trained_on"] == "the retain set only"
    known = card_of(row(config={"scenario": {"known_fraction": 0.5}}))
    assert "the share that nobody found (known_fraction=0.5) is in it" in known["reference"][0]["trained_on"]
    twins = card_of(row(twins={"forget_retain": 18, "forget_test": 0, "train_test": 2}))
    assert "identical twins of up to 18 forget images" in twins["reference"][0]["trained_on"]
    assert "18 images of up to 20 forget images have an identical twin among the retained ones" in limits(twins)
    assert "2 images of up to 200 training images have an identical twin among the test ones" in limits(twins)
    assert "twin among the test ones: these" in limits(twins)
    assert "20 forget images have an identical twin among the test ones" not in limits(twins)


def test_references_are_counted_by_training_seed_and_forget_set(card_of):
    one = card_of(row(), row("ssd"))
    assert one["reference"][0]["number"] == "1 reference for each training seed and forget set"
    assert "One reference per training seed and forget set" in limits(one)

    def drawn(method, draw):
        told = {"forget": 0, "reference": draw, "unlearn": 0, "evaluate": 0}
        return with_keys(row(method, seeds=told), reference=f"{draw}" * 64)

    two = card_of(drawn("scrub", 0), drawn("ssd", 1))  # one for each method, but two of one training seed
    assert two["reference"][0]["number"] == "2 references for each training seed and forget set"
    assert "One reference" not in limits(two)


def test_a_noise_floor_in_one_block_is_none_in_another(card_of):
    card = card_of(row("retrain"), row("ssd"), row("ssd", scenario="full_class"))
    assert {one["noise_floor"][:7] for one in card["reference"]} == {"retrain", "none: t"}
    assert "no noise floor (in digits · small_cnn · digits-small_cnn · full_class)" in limits(card)
    assert "noise floor" not in limits(card_of(row("retrain"), row("ssd")))


# Random numbers


def test_the_derivation_of_seeds_is_the_one_that_the_streams_have(card_of):
    told = card_of(row(seed=1))["seeds"]
    first = told["streams_of_the_first_row"]
    assert first["reference"] == f'["reference", 1, 1] gives {seeds.stream("reference", 1, 1)}'
    assert first["original"] == f'["train", 1] gives {seeds.stream("train", 1)}'
    assert told["fixed_by_values"] == "nothing"
    assert "protocol" not in told["derivation"]


def test_what_is_drawn_from_a_number_among_the_values_is_no_stream_of_the_cell(card_of):
    told = card_of(row(config={"data": {"split_seed": 0}}, protocol="supreme_paper"))["seeds"]
    assert told["fixed_by_values"] == ["data.split_seed=0"]
    assert "under protocol supreme_paper, whatever the code that it imitates draws from" in told["derivation"]


@pytest.mark.parametrize(
    ("digests", "design"),
    [
        ({0: {"a"}, 1: {"a"}}, "one forget set for 2 training seeds"),
        ({0: {"a"}}, "one forget set for 1 training seed"),
        ({0: {"a"}, 1: {"b"}}, "a forget set of its own for each training seed"),
        ({0: {"a", "b"}, 1: {"a", "b"}}, "crossed: each of 2 training seeds with each of 2 forget sets"),
        ({0: {"a", "b"}, 1: {"c", "d"}}, "2 forget sets in each training seed, none in two"),
        ({0: {"a", "b"}}, "2 forget sets in each training seed, none in two"),
        ({0: {"a", "b"}, 1: {"a"}}, "mixed: 1 to 2 forget sets in a training seed, 2 in all, some of them in several"),
    ],
)
def test_the_design_of_forget_sets_is_told_by_their_digests(digests, design):
    assert design_of(digests) == design


def test_one_forget_set_is_told_by_its_digest_and_not_by_the_number_of_its_stream(card_of):
    same = card_of(*(row(seed=seed, scenario="full_class") for seed in range(2)))  # seeds.forget follows the seed
    assert same["forget_sets"][0]["design"] == "one forget set for 2 training seeds"
    assert same["statistics"]["spread"] == "SD between training seeds, one forget set (ddof 1)"
    assert "All training seeds forget the same images: nothing is said about other forget sets." in limits(same)
    own = card_of(*(row(seed=seed, forget_digest=f"{seed}{seed}") for seed in range(2)))
    assert own["forget_sets"][0]["digests"] == {"seed 0": ["00"], "seed 1": ["11"]}
    assert own["statistics"]["spread"] == "SD between training seeds, each with a forget set of its own (ddof 1)"
    assert "what the one and what the other adds to the spread is not told apart" in limits(own)
    assert "other forget sets" not in limits(own)


def test_two_data_sets_under_one_scenario_each_keep_their_forget_sets(card_of):
    apart = {"provenance": {"data_fingerprint": "b" * 64}, "forget_digest": "bb"}
    card = card_of(row(), row(data="cifar10", **apart))
    told = {one["blocks"][0].partition(" ")[0]: one["digests"] for one in card["forget_sets"]}
    assert told == {"digits": {"seed 0": ["00"]}, "cifar10": {"seed 0": ["bb"]}}


def test_the_spread_of_one_seed_is_none_and_so_are_intervals(card_of):
    told = card_of(row())["statistics"]
    assert told["spread"] == "none: no line has a second training seed"
    assert told["intervals"] == "none: no gap has a second training seed"
    assert told["verdicts"].startswith("none: ")
    assert "a verdict takes 3 training seeds, and there is 1" in told["verdicts"]
    assert told["corrections"] == "none"
    assert told["unit_of_replication"] == "the training seed; there is one value of each"
    assert "Equivalence was not tested" in limits(card_of(row()))


def test_draws_within_a_seed_are_averaged_where_there_are_several(card_of):
    def drawn(seed, draw):
        return row(seed=seed, seeds={"forget": 0, "reference": 0, "unlearn": draw, "evaluate": 0})

    card = card_of(*(drawn(seed, draw) for seed in range(2) for draw in range(3)))
    assert "up to 3 unlearn draws within a training seed are averaged" in card["statistics"]["unit_of_replication"]
    assert "unlearning draw" not in limits(card)
    assert card["statistics"]["intervals"] == "95 % t intervals of the mean gap over 2 training seeds, not simultaneous"
    assert "One unlearning draw per training seed and forget set:" in limits(card_of(row(), row(seed=1)))


def test_a_crossed_design_whose_intervals_are_not_those_of_the_seeds_alone_says_so(card_of):
    def crossed(sets):
        return [
            row(
                seed=seed,
                value=0.8 + seed / 50 + forget / 30,
                forget_digest=f"{forget}",
                seeds={"forget": forget, "reference": 0, "unlearn": 0, "evaluate": 0},
            )
            for seed in range(3)
            for forget in range(sets)
        ]

    alone = card_of(*crossed(2))["statistics"]["unit_of_replication"]
    assert alone.startswith("the training seed; up to 2 forget draws")
    two_way = card_of(*crossed(3))["statistics"]["unit_of_replication"]
    assert two_way.startswith("the training seed; training seed and forget set, which are crossed, in digits")


# Measures and attackers


def test_conventions_follow_what_the_metrics_declare_and_the_base_that_they_were_given(card_of):
    told = {"accuracy/forget": {"unit": "fraction"}, "loss/forget": {"unit": "nats"}, "mine/x": {"unit": "steps"}}
    values = {"accuracy/forget": 0.9, "loss/forget": 0.1, "mine/x": 3.0, "other/y": 1.0}
    own = row(
        metrics=values,
        reference=values,
        original=values,
        reasons={},
        columns=told,
        config={"metric": {"js_divergence": {"_target_": "x.J", "base": 2.718281828}}},
    )
    assert card_of(own)["metrics"]["conventions"] == {
        "units": {"fraction": ["accuracy/forget"], "nats": ["loss/forget"], "steps": ["mine/x"]},
        "no_unit_declared": ["other/y"],
        "base_of_the_logarithm": {"js_divergence": [2.718281828]},
    }
    plain = card_of(row(metrics={"accuracy/forget": 0.9}, reasons={}, columns=told))
    assert plain["metrics"]["conventions"] == {"units": {"fraction": ["accuracy/forget"]}}


MEMBERSHIP = {"metric": {"membership": {"_target_": "supreme.metrics.membership.Membership", "fpr": 0.01}}}


def test_without_an_attack_there_is_no_attacker(card_of):
    card = card_of(row(config={"metric": {"accuracy": {"_target_": "supreme.metrics.accuracy.Accuracy"}}}))
    assert card["threat_model"] == "no attack of this package was run: nothing is said of what an attacker could learn"
    assert "No attack of this package was run" in limits(card)
    undefined = row(config=MEMBERSHIP, metrics={"membership/auc": None}, reasons={"metrics": {"membership/auc": "few"}})
    assert card_of(undefined)["threat_model"].startswith("no attack of this package was run")
    foreign = card_of(row(config={"metric": {"mine": {"_target_": "mine.Attack"}}}))
    assert foreign["threat_model"].endswith("; whether mine attack is not recorded")


def test_the_threat_model_lists_the_attacks_that_were_run_and_an_audit_trains_models_of_its_own(card_of):
    rows = [full("scrub", seed, 0.1, config=MEMBERSHIP) for seed in range(3)]
    (population,) = card_of(*rows)["threat_model"]
    assert (population["metric"], population["rows"]) == ("membership", 3)
    assert population["attacker"].startswith("population; sees the outputs of one model")
    assert "No attack per sample was run" in limits(card_of(*rows))
    record = {
        **{name: PLACE[name] for name in ("data", "model", "recipe", "scenario")},
        "audit": "0" * 16,
        "name": "u_lira",
        "method": "scrub",
        "cells": [one["cell"] for one in rows],
        "seeds": [0, 1, 2],
        "missing": [],
        "forget_digest": "00",
        "sets": {"forget": 20},
        "reasons": {},
        "config": {"audit": {"_target_": "supreme.audits.u_lira.ULiRA"}},
        "values": {"u_lira/auc": 0.8},
    }
    card = card_of(*rows, audits=[record])
    assert card["audits"] == [{"audit": "u_lira", "methods": ["scrub"], "models": "3 unlearned models"}]
    assert card["threat_model"][1]["attacker"].startswith("per sample; has the outputs of unlearned and retrained")
    assert "No attack per sample" not in limits(card)
    assert "shown against these attacks only: membership, u_lira" in limits(card)


def test_the_estimand_of_each_metric_is_the_contrast_that_it_has(card_of):
    rows = [row(seed=seed) for seed in range(3)]
    told = card_of(*rows)["statistics"]["estimand"]
    assert told["gap_to_the_reference"]["metrics"] == ["accuracy/forget"]
    assert told["no_gap"]["metrics"] == ["js_divergence/forget", "cost/peak_memory_bytes"]
    why = {"reference": {"js_divergence/forget": "the reference model would be compared with itself"}}
    both = [row(method, seed, reasons=why) for method in ("scrub", "retrain") for seed in range(3)]
    floor = card_of(*both)["statistics"]["estimand"]
    assert floor["gap_to_the_floor"]["metrics"] == ["js_divergence/forget"]
    assert floor["no_gap"]["metrics"] == ["cost/peak_memory_bytes"]


# Margins, verdicts, what is missing


def origins(card, metric="accuracy/forget"):
    return card["statistics"]["margins"][metric]


def rows_that_declare(*margins):
    return [
        full("scrub", seed, 0.1, **({"declared": {"margins": one, "most_left": 0.25}} if one else {}))
        for seed, one in enumerate(margins)
    ]


def test_a_margin_is_declared_with_the_sweep_only_where_every_row_declares_it(card_of):
    same = {"accuracy/forget": 0.02}
    declared = origins(card_of(*rows_that_declare(same, same, same)))
    assert declared == {"margin": 0.02, "origin": "declared with the sweep", "most_left": 0.25}
    later = origins(card_of(*rows_that_declare(None, None, None)))
    assert later["origin"] == "given afterwards: no row declares it"
    some = origins(card_of(*rows_that_declare(same, same, None)))
    assert some["origin"] == "given afterwards: the rows declare 0.02 or none"
    five = rows_that_declare(*[{"accuracy/forget": 0.05}] * 3)
    assert origins(card_of(*five))["margin"] == 0.05
    other = origins(card_of(*five, endpoints=Endpoints(same)))
    assert other["origin"] == "given afterwards: the rows declare 0.05"


def test_a_margin_is_given_afterwards_where_others_were_declared_beside_it(card_of):
    rows = rows_that_declare(*[{"accuracy/forget": 0.02, "accuracy/test": 0.01}] * 3)
    given = Endpoints({"accuracy/forget": 0.02, "accuracy/test": 0.05})
    card = card_of(*rows, endpoints=given)
    told = "given afterwards: the rows declare 0.02, and something else of other metrics"
    assert origins(card) == {"margin": 0.02, "origin": told, "most_left": 0.25}
    assert {one["origin"] for one in card["statistics"]["verdicts"]} == {"given afterwards"}
    assert "the margins are not those that all rows declare" in limits(card)


def test_a_margin_that_was_taken_from_the_data_is_said_to_be(card_of):
    deviation = statistics.stdev(0.9 + seed / 100 for seed in range(3))
    told = origins(card_of(*rows_that_declare(None, None, None), endpoints=Endpoints({"accuracy/forget": deviation})))
    assert told["origin"].endswith("taken from the data")


def test_a_relative_margin_is_on_the_card_with_what_may_be_left(card_of):
    rows = rows_that_declare(*[{"js_divergence/forget": "relative"}] * 3)
    told = origins(card_of(*rows), "js_divergence/forget")
    assert told == {"margin": "relative", "origin": "declared with the sweep", "most_left": 0.25}


def test_corrections_and_verdicts_are_those_of_the_summary(card_of):
    rows = [full(method, seed, 0.1) for method in ("scrub", "ssd") for seed in range(3)]
    told = card_of(*rows)["statistics"]
    assert "accuracy/forget" in told["corrections"]["Holm"]
    assert "only the verdict equivalent is" in limits(card_of(*rows))
    verdicts = {one["method"]: one for one in told["verdicts"]}
    assert verdicts.keys() == {"original", "scrub", "ssd"}
    assert verdicts["scrub"]["verdict"] == "different"
    assert verdicts["scrub"]["block"] == "digits · small_cnn · digits-small_cnn · random"
    assert verdicts["scrub"]["different_in"] == "accuracy/forget, accuracy/retain"
    assert verdicts["scrub"].keys().isdisjoint({"removed", "variant", "data"})
    reason = "JS div. forget is a distance to the reference, and there is no retrain to hold it against"
    assert reason in verdicts["scrub"]["reason"]
    (told,) = [claim for claim in limits(card_of(*rows)).splitlines() if claim.startswith("No joint E")]
    assert reason in told


def test_failed_cells_are_on_the_card_also_where_their_method_has_no_row(card_of):
    failed = [row("boom", 0), row("boom", 1), row("scrub", 1), row("boom", scenario="full_class")]
    card = card_of(row(), failed=failed[:3])
    told = {one["method"]: (one["failed"], one["of"]) for one in card["statistics"]["failed"]}
    assert told == {"boom": (2, 2), "scrub": (1, 2)}
    assert card["statistics"]["failed"][0]["errors"] == ["ValueError: boom"]
    assert "boom failed in 2 of 2 runs" in limits(card)
    blocks = {one["block"] for one in card_of(row(), failed=failed)["statistics"]["failed"]}
    assert {block.rpartition(" ")[2] for block in blocks} == {"random", "full_class"}
    assert card_of(row())["statistics"]["failed"] == "no failed cell is known of"


def test_few_seeds_are_named_with_the_methods_and_blocks_that_have_them(card_of):
    rows = [row("scrub", seed) for seed in range(4)] + [row("ssd", 0), row("ssd", 0, scenario="full_class")]
    told = limits(card_of(*rows))
    assert "4 training seeds: too few for an interval to rely on: scrub (in " in told
    assert "1 training seed: too few for an interval to rely on: ssd." in told  # in both blocks


# Methods


def test_data_is_what_the_method_of_these_values_declares_whatever_its_yaml_is_called():
    sets = [{"forget": 20, "retain": 180, "validation": 100}, {"forget": 21, "retain": 179, "validation": 100}]
    salun = {"_target_": "supreme.methods.salun.SalUn"}
    retrain = {"_target_": "supreme.methods.retrain.Retrain"}
    assert data_accessed(salun, sets) == "as declared: forget (20 to 21 images), retain (179 to 180 images)"
    assert data_accessed(retrain, sets[:1]) == "as declared: retain (180 images)"
    chain = {
        "_target_": "supreme.methods.chain.Chain",
        "first": {"_target_": "supreme.methods.advneggrad.AdvNegGrad"},
        "second": {"_target_": "supreme.methods.rewind_to_delete.RewindToDelete"},
    }
    told = "as declared: forget (20 images), retain (180 images), how the original was trained"
    assert data_accessed(chain, sets[:1]) == told
    original = {"_target_": "supreme.methods.original.Original"}
    assert data_accessed(original, sets) == "as declared: nothing but the original"
    assert data_accessed({"_target_": "mine.M"}, sets).startswith("not recorded: mine.M is no method of this package")


def test_a_set_that_was_empty_was_not_read_though_the_class_declares_it():
    duck = {"_target_": "supreme.methods.duck.DUCK"}
    told = data_accessed(duck, [{"forget": 20, "retain": 180}])
    assert told == "as declared: forget (20 images), retain (180 images), validation (which is empty here)"


def test_values_that_a_method_has_in_one_block_only_are_given_with_the_block(card_of):
    lower = {"method": {"lr": 0.1}}
    card = card_of(row(config=lower), row("ssd"), row(scenario="full_class"), row("ssd", scenario="full_class"))
    told = [(one["label"], one.get("blocks", "all")) for one in card["method"]]
    place = "digits · small_cnn · digits-small_cnn · "
    assert sorted(told, key=str) == [
        ("scrub", [f"{place}full_class"]),
        ("scrub", [f"{place}random"]),
        ("ssd", "all"),
    ]
    assert card["method"][-1]["tuning"][0]["how"].startswith("no preset: say how these values were chosen")


def test_a_method_that_chooses_its_epoch_says_by_which_images(card_of):
    rewind = {"_target_": "supreme.methods.scrub_rewind.SCRUBRewind"}
    (told,) = card_of(row("scrub_rewind", config={"method": rewind}))["method"]
    assert "accuracy on validation images" in told["stop_rule"]
    assert told["paper"].startswith("Towards Unbounded Machine Unlearning, NeurIPS 2023")
    (none,) = card_of(row("scrub", config={"method": {"_target_": "supreme.methods.scrub.SCRUB"}}))["method"]
    assert "stop_rule" not in none


FOUND = {
    "preset": "scrub/digits-small_cnn-random",
    "source": "found",
    "columns": ["accuracy/forget", "membership/auc"],
    "seeds": [100, 1],
    "kept": ["lr"],
    "overridden": [],
}


def test_a_preset_is_on_the_card_with_its_scope_and_with_what_it_was_found_on(card_of):
    tuned = FOUND | {"images": "test", "uses_reference": True}
    card = card_of(*(row(seed=seed, tuned=tuned) for seed in range(2)))
    (entry,) = card["method"]
    (told,) = entry["tuning"]
    assert told["scope"]["data"] == "digits"
    assert told["scope"]["scenario.fraction"] == 0.1
    assert told["found_on"] == {
        "columns": ["accuracy/forget", "membership/auc"],
        "training_seeds": [100, 1],
        "evaluated_here_too": [1],
        "images": "test",
        "looked_at_the_reference": "yes",
    }
    assert "Values found on test images: scrub" in limits(card)
    unknown = card_of(row(tuned=FOUND))
    assert unknown["method"][0]["tuning"][0]["found_on"]["looked_at_the_reference"] == "not recorded"
    assert "Values found on images that are not recorded: scrub" in limits(unknown)
    validated = card_of(row(tuned=FOUND | {"images": "validation"}))
    assert "Values found" not in limits(validated)


def test_a_preset_whose_values_were_all_overridden_says_nothing_of_this_method(card_of):
    valued = {"method": {"lr": 0.1}}
    (told,) = card_of(row(tuned=FOUND | {"kept": [], "overridden": ["lr"]}, config=valued))["method"][0]["tuning"]
    assert "all of whose values were overridden" in told["how"]
    assert "found_on" not in told


# Data, compute, origin


def test_test_images_that_were_trained_on_are_no_test(card_of):
    held_out = card_of(row(sets={"forget": 20, "retain": 180, "test": 300}))
    assert held_out["data"][0]["test_images"] == "300 images"
    assert "Test images are training images" not in limits(held_out)
    same = card_of(row(config={"data": {"test": "training"}}))
    assert same["data"][0]["test_images"].startswith("the training images")
    assert "test accuracies are accuracies of training" in limits(same)


def test_a_model_counts_once_in_the_compute_however_often_it_is_evaluated(card_of):
    cost = {"seconds": 2.0, "forward_samples": 10, "peak_memory_bytes": None, "shared_device": False}

    def drawn(draw, **changes):
        told = {"forget": 0, "reference": 0, "unlearn": 0, "evaluate": draw}
        return row(seeds=told, **changes)

    told = card_of(drawn(0, cost=cost), drawn(1, cost=cost))["compute"]
    assert (told["cells"], told["unlearned_models"], told["unlearning_seconds"]) == (2, 1, 2.0)
    assert told["unlearning_peak_memory_bytes"] is None
    assert told["models_whose_device_other_jobs_shared"] == 0
    unknown = card_of(drawn(0))["compute"]
    assert unknown["unlearning_seconds"] is None
    assert unknown["models_without_a_cost"] == 1
    assert unknown["models_whose_device_other_jobs_shared"] == "not recorded"


def test_devices_are_those_of_the_models_too(card_of):
    stage = {"versions": {}, "device": "H200", "cpu_capability": "x", "threads": 1}
    card = card_of(row(provenance={"stages": {"unlearned": stage}}))
    assert card["compute"]["devices"] == {"unlearned": ["H200"], "evaluation": ["cpu"]}
    assert "several environments" in limits(card)


def test_local_changes_count_where_a_model_was_made_with_them(card_of):
    stage = {"versions": {}, "device": "cpu", "cpu_capability": "DEFAULT", "threads": 1}
    stage["git"] = {"commit": "abc", "changed": True}
    card = card_of(row(provenance={"stages": {"original": stage}}), row("ssd"))
    assert "1 row of 2 come from code with local changes" in limits(card)


def test_rows_that_are_not_deterministic_are_counted(card_of):
    card = card_of(row(), row("ssd"))
    assert card["determinism"] == [{"deterministic": True, "threads": 1, "rows": 2}]
    loose = row("ssd")
    loose["config"]["deterministic"] = False
    card = card_of(row(), loose)
    assert {"deterministic": False, "threads": 1, "rows": 1} in card["determinism"]
    assert "1 row of 2 were not made deterministically" in limits(card)


def test_the_blocks_of_a_sentence_are_named_only_where_it_does_not_hold_in_all(card_of):
    card = card_of(row(), row(scenario="full_class", config={"recipe": RECIPE | {"original_keeps": "best_on_test"}}))
    assert "chosen on the test images (in digits · small_cnn · digits-small_cnn · full_class" in limits(card)
    assert len(BLOCK) == 5
