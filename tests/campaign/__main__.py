"""The campaign's command line (see `campaign`)."""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import campaign
from campaign import damage, disks, kills, names, together
from campaign.cases import Found, Part
from campaign.place import COMMANDS, Place
from campaign.summary import counted, read, record, table

PARTS: dict[str, Part] = kills.PARTS | damage.PARTS | together.PARTS | disks.PARTS | names.PARTS


def main() -> int:
    """Run what is asked for; gives 1 where a case did not hold."""
    given = _arguments()
    done = read(given.out)
    known = {(case["part"], case["case"], case["seed"]) for case in done}
    parts = [name for name in PARTS if not given.part or any(word in name for word in given.part)]
    wanted = [(name, case) for name in parts for case in range(given.count or PARTS[name].count)]
    missing = [(name, case) for name, case in wanted if (name, case, given.seed) not in known]
    root = Path(tempfile.mkdtemp(prefix="mia-campaign-"))
    try:
        place = Place(root)
        for name in COMMANDS if missing else ():  # alone, so that their seconds are the least
            print(f"undisturbed {name}: {place.whole(name).seconds:.1f} s", file=sys.stderr)
        with ThreadPoolExecutor(given.jobs) as pool, open(given.out, "a", encoding="utf-8") as file:
            tasks = [pool.submit(_try, place, name, case, given.seed, given.keep) for name, case in missing]
            try:
                for number, task in enumerate(as_completed(tasks), 1):
                    line = task.result()
                    done.append(line)
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                    _say(f"{number}/{len(missing)}", line)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        if not given.keep:
            shutil.rmtree(root, ignore_errors=True)
    cases = [case for name in PARTS for case in done if case["part"] == name]
    print(table(counted(cases)))
    if given.record:
        record(cases)
    return int(any(case["held"] is False for case in cases))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m campaign", description=(campaign.__doc__ or "").splitlines()[0])
    words = "words in the names of the parts to run, by default all: " + ", ".join(PARTS)
    parser.add_argument("part", nargs="*", help=words)
    parser.add_argument("--seed", type=int, default=0, help="what all cases are drawn from")
    parser.add_argument("--count", type=int, help="cases of each part, by default what the part says")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cases at a time, by default one per core")
    parser.add_argument("--out", type=Path, default=Path("_build/campaign.jsonl"), help="the file of the cases")
    parser.add_argument("--record", action="store_true", help="also write results/campaign.json, which the book shows")
    parser.add_argument("--keep", action="store_true", help="keep the folders of cases that did not hold")
    given = parser.parse_args()
    if not Path("/proc/self/environ").is_file():
        parser.error("needs Linux: processes are found under /proc")
    if unknown := [word for word in given.part if not any(word in name for name in PARTS)]:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    return given


def _try(place: Place, name: str, case: int, seed: int, keep: bool) -> dict[str, object]:
    """One case in a folder of its own, as a line of the file."""
    folder = place.root / f"{name.replace(' ', '-')}-{case}"
    tries: Callable[..., Found] = PARTS[name].tries
    begun = time.perf_counter()
    try:
        found = tries(place, case, random.Random(f"{seed} {name} {case}"), folder)
    except Exception as error:  # of the campaign itself: the others go on
        found = Found("not finished", False, f"{type(error).__name__}: {error}")
    seconds = round(time.perf_counter() - begun, 1)
    if found.held is not False or not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return {"part": name, "case": case, "seed": seed, "took": seconds, **asdict(found)}


def _say(number: str, line: dict[str, object]) -> None:
    held = {True: "held", False: "NOT HELD", None: "left out"}[line["held"]]
    moment = f" at {line['at']:.2f} s" if line["at"] is not None else ""
    print(f"{number} {line['part']} {line['case']}: {line['did']}{moment}: {held} {line['why']}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
