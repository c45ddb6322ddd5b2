"""One of two machines, for the test in two network namespaces.

python machine.py NODE_RANK FOLDER HOST:PORT MODE    FOLDER is the shared one of a training
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from llmc_lib.params import Recipe, TrainingParams
from llmc_lib.processes.workers import WorkerError
from llmc_lib.store import write_atomic, write_manifest
from llmc_lib.training import cluster, follow

WORKER = Path(__file__).with_name("all_reduce.py")
PATIENT, IMPATIENT = "llmc_lib.training.rank", "tests.training.impatient"


def main(node_rank: int, folder: Path, endpoint: str, mode: str) -> None:
    training = TrainingParams.model_validate(
        {"batch_size": 8, "cluster": {"nodes": 2, "endpoint": endpoint, "timeout_minutes": 2}}
    )
    recipe = Recipe("main", False, None, training)
    cluster.worker = lambda spec: [str(WORKER), mode, "1"]  # in place of the trainer
    real = cluster.command
    cluster.command = lambda *given: [
        IMPATIENT if word == PATIENT else word for word in real(*given)
    ]
    if node_rank:
        follow.follow_recipes([recipe], node_rank, lambda recipe: folder, lambda recipe: "key")
        return
    spec = folder / "spec.json"
    write_atomic(spec, json.dumps({"key": "key", "attempt": "first"}))
    try:
        cluster.run(training, spec, 0, print)
    finally:
        spec.unlink()
    write_manifest(folder, "key", 0.0)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    except WorkerError as error:
        print(error)
        sys.exit(1)
