"""The same models audited by this package and by others: what each says, in how many lines and seconds.

    OMP_NUM_THREADS=1 python benchmarks/peers.py [--python PYTHON] [--limit 300] [--only WORDS] [--resume]

    pip install -e '.[peers]'   # privacyaudit, auditml, sacroml and ART, best in an environment of their own
    pip install tensorflow-privacy==0.8.9 tensorflow==2.15.1 scikit-learn==1.4.2   # 0.9.0 lacks its attacks

PYTHON is the interpreter that has the other tools, by default the one that runs this. Each audit has a process of its
own, which makes the model again from its seed and is ended after --limit seconds of processor time; what it printed by
then is recorded. A tool is called as its own documentation does; the lines that are counted are the lines that run.
With --resume, audits that the record has are not run again, unless they failed, so that each PYTHON adds its tools.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve()
ANSWER = "the answer: "
"""Begins the line in which a process says what it found."""

TOOLS = {
    "mia_core": """
from mia_core import audit
report = audit(model.predict_proba, members=(X_train, y_train), non_members=(X_held, y_held))
print(report)
""",
    "mia_core, 16 models": """
from mia_core import audit
report = audit(model, members=(X_train, y_train), non_members=(X_held, y_held), models=16, jobs=1)
print(report)
""",
    "privacyaudit": """
from privacylens import audit
report = audit(model, X_train, y_train, X_held, y_held)
report.summary()
""",
    "auditml": """
import auditml, torch
from torch.utils.data import DataLoader, TensorDataset
members = DataLoader(TensorDataset(torch.tensor(X_train).float(), torch.tensor(y_train)), batch_size=64)
others = DataLoader(TensorDataset(torch.tensor(X_held).float(), torch.tensor(y_held)), batch_size=64)
report = auditml.audit(network, members, others, attacks=["mia_threshold", "mia_shadow"])
print(report.summary())
""",
    "sacroml": """
from sacroml.attacks.target import Target
from sacroml.attacks.worst_case_attack import WorstCaseAttack
target = Target(model=model, X_train=X_train, y_train=y_train, X_test=X_held, y_test=y_held)
report = WorstCaseAttack(output_dir="outputs").attack(target)
""",
    "sacroml, LiRA": """
from sacroml.attacks.target import Target
from sacroml.attacks.likelihood_attack import LIRAAttack
target = Target(model=model, X_train=X_train, y_train=y_train, X_test=X_held, y_test=y_held)
report = LIRAAttack(output_dir="outputs").attack(target)
""",
    "tensorflow-privacy": """
from tensorflow_privacy.privacy.privacy_tests.membership_inference_attack import membership_inference_attack as mia
from tensorflow_privacy.privacy.privacy_tests.membership_inference_attack.data_structures import *
sides = {"labels_train": y_train, "labels_test": y_held}
sides |= {"probs_train": model.predict_proba(X_train), "probs_test": model.predict_proba(X_held)}
attacks = [AttackType.THRESHOLD_ATTACK, AttackType.LOGISTIC_REGRESSION]
report = mia.run_attacks(AttackInputData(**sides), attack_types=attacks)
print(report.summary())
""",
    "ART": """
from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
from art.estimators.classification import BlackBoxClassifier
asked = BlackBoxClassifier(model.predict_proba, X_train[0].shape, len(set(y_train)))
attack = MembershipInferenceBlackBox(asked)
attack.fit(X_train[::2], y_train[::2], X_held[::2], y_held[::2])
report = attack.infer(X_train[1::2], y_train[1::2]), attack.infer(X_held[1::2], y_held[1::2])
print(report[0].mean(), report[1].mean())
""",
}
"""Name -> its call. Every tool has its defaults; of auditml's four attacks the two on membership are asked for."""
PACKAGES = {"mia_core": "mia-core", "ART": "adversarial-robustness-toolbox"}
"""Where the package's name is not the first word of the tool's."""
RETRAINS = ("mia_core, 16 models", "sacroml, LiRA")
"""Train many models more, and are asked about the forest alone, for time."""


def table(count):
    """Members and others of a made-up table with a tenth of its labels wrong: `count` rows each."""
    from sklearn.datasets import make_classification
    from sklearn.model_selection import train_test_split

    rows = make_classification(2 * count, n_features=20, n_informative=10, n_redundant=5, flip_y=0.1, random_state=0)
    X_train, X_held, y_train, y_held = train_test_split(*rows, test_size=0.5, random_state=0)
    return X_train, y_train, X_held, y_held


def mlp():
    """A network that has learnt the wrong labels too."""
    from sklearn.neural_network import MLPClassifier

    sides = table(1000)
    network = MLPClassifier((128,), alpha=0, learning_rate_init=0.005, max_iter=200, random_state=0)
    return network.fit(*sides[:2]), sides


def forest():
    """Right on nearly every digit, member or not."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    X_train, X_held, y_train, y_held = train_test_split(*load_digits(return_X_y=True), test_size=0.5, random_state=0)
    return RandomForestClassifier(100, random_state=0).fit(X_train, y_train), (X_train, y_train, X_held, y_held)


def without_leak():
    """Twenty-one weights cannot remember two thousand rows."""
    from sklearn.linear_model import LogisticRegression

    sides = table(2000)
    return LogisticRegression().fit(*sides[:2]), sides


def leak_of_two_percent():
    """The same model, but certain of every fiftieth of its 2,000 members."""
    from sklearn.linear_model import LogisticRegression

    class Remembers(LogisticRegression):
        def predict_proba(self, X):
            posteriors, rows = super().predict_proba(X), np.asarray(X)
            for row, label in zip(*self.known, strict=True):
                posteriors[(rows == row).all(axis=1)] = np.where(self.classes_ == label, 1 - 1e-6, 1e-6)
            return posteriors

    sides = table(2000)
    model = Remembers().fit(*sides[:2])
    model.known = sides[0][::50], sides[1][::50]
    return model, sides


MODELS = {
    "overfitted MLP": mlp,
    "random forest": forest,
    "no leak": without_leak,
    "leak for 2% of rows": leak_of_two_percent,
}


def as_network(model):
    """The same function as a torch module that gives two logits."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self, coefficients, intercepts, rows, labels):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(*weights.shape) for weights in coefficients)
            for layer, weights, bias in zip(self.layers, coefficients, intercepts, strict=True):
                layer.weight.data, layer.bias.data = torch.tensor(weights.T).float(), torch.tensor(bias).float()
            self.rows = torch.tensor(rows).float()
            self.logits = torch.tensor(np.where(labels == 1, 1.0, -1.0) * np.log(1e6)).float()

        def forward(self, x):
            hidden = x
            for layer in self.layers[:-1]:
                hidden = torch.relu(layer(hidden))
            logit = self.layers[-1](hidden)[:, 0]
            same = (x[:, None] == self.rows[None]).all(dim=2)
            logit = torch.where(same.any(dim=1), same.float() @ self.logits, logit)
            return torch.stack([torch.zeros_like(logit), logit], dim=1)

    coefficients = getattr(model, "coefs_", None) or [model.coef_.T]
    intercepts = getattr(model, "intercepts_", None) or [model.intercept_]
    rows, labels = getattr(model, "known", (np.empty((0, len(coefficients[0]))), np.empty(0)))
    return Network(coefficients, intercepts, rows, labels)


def said(tool, report):
    """What a tool says of membership, in its own measures and words."""
    if tool.startswith("mia_core"):
        numbers = report.numbers
        wide, sharp = (
            next(one for one in numbers["attacks"] if one["attack"] == numbers[best])
            for best in ("best_advantage", "best_at_low_fpr")
        )
        return {
            "advantage": wide["advantage"],
            "auc": max(one["auc"] for one in numbers["attacks"]),
            "found": sharp["found"][0]["tpr"],
            "words": str(report).splitlines()[0].split(maxsplit=1)[1].split(":")[0],
        }
    if tool == "privacyaudit":
        return {"advantage": report.mia_score, "words": report.findings[0].split(" - ")[1]}
    if tool == "auditml":
        best = report.most_vulnerable()
        line = next(line for line in report.summary().splitlines() if "eakage detected" in line)
        return {"auc": best.auc_roc, "accuracy": best.accuracy, "found": best.tpr_at_1fpr, "words": line.strip(" ⚠✓")}
    if tool == "tensorflow-privacy":
        best = report.get_result_with_max_auc()
        sharp = max(float(one.roc_curve.tpr[one.roc_curve.fpr <= 0.01].max()) for one in report.single_attack_results)
        return {
            "advantage": float(report.get_result_with_max_attacker_advantage().get_attacker_advantage()),
            "auc": float(best.get_auc()),
            "found": sharp,
            "words": f"{best.attack_type.name} achieved an AUC of {best.get_auc():.2f}",
        }
    if tool == "ART":
        inside, outside = (float(side.mean()) for side in report)
        words = f"calls {inside:.0%} of members and {outside:.0%} of others a member"
        return {"advantage": inside - outside, "words": words}
    logged = report["attack_experiment_logger"]["attack_instance_logger"]
    # What it calls "TPR@0.01%" is that at an FPR of 0.01.
    wanted = ("AUC", "TPR@0.01%", "Advantage")
    found = {name: float(np.mean([one[name] for one in logged.values()])) for name in wanted}
    clear = sum(one["P_HIGHER_AUC"] <= 0.05 for one in logged.values())
    return {
        "advantage": found["Advantage"],
        "auc": found["AUC"],
        "found": found["TPR@0.01%"],
        "words": f"{clear} of {len(logged)} AUCs have p at most 0.05",
    }


def one(tool, name):
    """One audit in this process: prints what it found."""
    model, sides = MODELS[name]()
    names = dict(zip(("X_train", "y_train", "X_held", "y_held"), sides, strict=True)) | {"model": model}
    if tool == "auditml":
        names["network"] = as_network(model)
    wall, worked = time.perf_counter(), time.process_time()
    exec(TOOLS[tool], names)
    seconds = {"wall": time.perf_counter() - wall, "processor": time.process_time() - worked}
    inside, outside = (float(np.mean(model.predict_proba(x).argmax(1) == y)) for x, y in (sides[:2], sides[2:]))
    accuracy = {"members": inside, "others": outside}  # their difference is the advantage of the gap attack
    print("\n" + ANSWER + json.dumps({"says": said(tool, names["report"]), "seconds": seconds, "accuracy": accuracy}))


def audited(tool, name, python, limit):
    """One audit in a process of its own, as a row of the record."""
    row = {"tool": tool, "model": name, "lines": len(TOOLS[tool].strip().splitlines())}
    if tool == "auditml" and name == "random forest":
        return row | {"status": "takes torch modules only"}
    words = [python, str(HERE), "--one", tool, name]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            words, capture_output=True, text=True, cwd=folder, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
        )  # fmt: skip
    told = [line for line in done.stdout.splitlines() if line.startswith(ANSWER)]
    if told:
        return row | {"status": "done"} | json.loads(told[0].removeprefix(ANSWER))
    if done.returncode < 0:
        printed = re.findall(r"mia_\w+: accuracy=\S+\s+auc_roc=\S+", done.stdout + done.stderr)
        return row | {"status": f"not done in {limit} s of processor time", "printed": printed}
    return row | {"status": (done.stderr.strip().splitlines() or ["no answer"])[-1][-200:]}


def installed(python, tool):
    """The version of a tool where `python` has it, else None."""
    package = PACKAGES.get(tool.split(",")[0], tool.split(",")[0])
    if tool.startswith("mia_core"):
        try:
            return version(package)
        except PackageNotFoundError:
            return "this checkout"
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the other tools")
    parser.add_argument("--limit", type=int, default=300, help="seconds of processor time for one audit")
    parser.add_argument("--only", default="", help="audits whose tool or model has this in its name")
    parser.add_argument("--resume", action="store_true", help="keep the audits that the record has")
    parser.add_argument("--one", nargs=2, metavar=("TOOL", "MODEL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return one(*given.one)
    from measured import read, save

    from mia_core.base.errors import DataError

    load = os.getloadavg()
    rows, versions = [], {}
    if given.resume:
        try:
            again = re.compile("not installed|.*Error")
            before = read("peers")["results"]
            rows, versions = [row for row in before["rows"] if not again.match(row["status"])], before["versions"]
        except DataError as error:
            print(error, file=sys.stderr)
    known = {(row["tool"], row["model"]) for row in rows}
    tools = {tool: installed(given.python, tool) for tool in TOOLS}
    for name in MODELS:
        for tool, found in tools.items():
            if (tool, name) in known or given.only not in f"{tool} {name}":
                continue
            if tool in RETRAINS and name != "random forest":
                continue
            if found is None:
                rows.append({"tool": tool, "model": name, "status": "not installed"})
            else:
                python = sys.executable if tool.startswith("mia_core") else given.python
                rows.append(audited(tool, name, python, given.limit))
            print(rows[-1], file=sys.stderr, flush=True)
            rows.sort(key=lambda row: (list(MODELS).index(row["model"]), list(TOOLS).index(row["tool"])))
            told = {name: found or versions.get(name) for name, found in tools.items()}
            results = {"versions": told, "limit": given.limit, "rows": rows}
            save("peers", results, load)
    print(json.dumps(read("peers"), indent=1))


if __name__ == "__main__":
    main()
