"""Loads and serves MLflow models that dualtail has written, and compares their logits with dualtail's own.

Reads one JSON object from stdin, writes one to stdout: see main.mts.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import mlflow
import numpy as np
import onnx
import yaml
from mlflow.models import Model

VOLATILE = {"model_uuid", "utc_time_created", "model_size_bytes", "metadata"}


def difference(logits, expected):
    logits = np.asarray(logits, dtype=np.float32)
    if logits.shape != expected.shape:
        raise SystemExit(f"logits of shape {logits.shape}, expected {expected.shape}")
    return float(np.max(np.abs(logits - expected)))


def loaded(uri, pixels, expected):
    """Largest difference over the whole batch and a batch of one, and over the input example's run."""
    model = mlflow.pyfunc.load_model(uri)
    whole = difference(model.predict({"pixel_values": pixels})["logits"], expected)
    one = difference(model.predict({"pixel_values": pixels[:1]})["logits"], expected[:1])
    example = model.predict(model.input_example)["logits"]
    if example.shape != (1, expected.shape[1]) or not np.isfinite(example).all():
        raise SystemExit(f"{uri}: its input example gives {example}")
    return max(whole, one)


def served(uri, pixels, expected):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]}
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", uri, "--env-manager", "local"]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port), "-w", "1"],
            env=env, stdout=log, stderr=log, start_new_session=True,
        )
        try:
            deadline = time.time() + 120
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).read()
                    break
                except OSError:
                    if server.poll() is not None or time.time() > deadline:
                        log.seek(0)
                        raise SystemExit(f"mlflow models serve did not start: {log.read().decode()[-2000:]}")
                    time.sleep(0.5)
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/invocations",
                data=json.dumps({"inputs": {"pixel_values": pixels.tolist()}}).encode(),
                headers={"Content-Type": "application/json"},
            )
            answer = json.load(urllib.request.urlopen(request, timeout=60))
            return difference(answer["predictions"]["logits"], expected)
        finally:
            os.killpg(server.pid, 15)
            server.wait()


def linked(name):
    """Whether MLflow's own client finds the version's logged model as an output of its run, and by its test dataset."""
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias(name, "best")
    run = client.get_run(version.run_id)
    tested = [own.dataset for own in run.inputs.dataset_inputs if own.tags[0].value == "test"]
    model_id = run.outputs.model_outputs[0].model_id
    found = client.search_logged_models(
        [run.info.experiment_id],
        filter_string="metrics.`test/overall` >= 0",
        datasets=[{"dataset_name": own.name, "dataset_digest": own.digest} for own in tested],
    )
    return version.source == f"models:/{model_id}" and model_id in [model.model_id for model in found]


def compared_with_save_model(folder):
    """Keys of the MLmodel whose values differ from those that mlflow.onnx.save_model writes for the same ONNX file."""
    ours = yaml.safe_load(open(os.path.join(folder, "MLmodel")))
    with open(os.path.join(folder, "input_example.json")) as file:
        example = {name: np.asarray(value, dtype=np.float32) for name, value in json.load(file).items()}
    with tempfile.TemporaryDirectory() as target:
        target = os.path.join(target, "model")
        mlflow.onnx.save_model(
            onnx.load(os.path.join(folder, "model.onnx")), target,
            signature=Model.load(folder).signature, input_example=example,
            onnx_execution_providers=["CPUExecutionProvider"], save_as_external_data=False, metadata={},
        )
        theirs = yaml.safe_load(open(os.path.join(target, "MLmodel")))
        files = sorted(set(os.listdir(target)) ^ set(os.listdir(folder)))
    for content in (ours, theirs):
        content["signature"] = {key: value and json.loads(value) for key, value in content["signature"].items()}
    keys = (set(ours) | set(theirs)) - VOLATILE
    return sorted(key for key in keys if ours.get(key) != theirs.get(key)) + files


def main():
    task = json.load(sys.stdin)
    mlflow.set_tracking_uri(task["tracking_uri"])
    rows = []
    data = []
    for case in task["cases"]:
        pixels = np.fromfile(case["pixels"], dtype=np.float32).reshape(case["shape"])
        expected = np.fromfile(case["logits"], dtype=np.float32).reshape(len(pixels), -1)
        data.append((pixels, expected))
        for uri in case["load"]:
            rows.append([case["name"], "mlflow.pyfunc.load_model", uri, loaded(uri, pixels, expected)])
        for uri in case["serve"]:
            rows.append([case["name"], "mlflow models serve", uri, served(uri, pixels, expected)])
    # A comparison that could not fail would show here: one model's logits against another's.
    control = loaded(task["cases"][0]["load"][0], data[0][0], data[1][1])
    unlinked = [case["name"] for case in task["cases"] if not linked(case["name"])]
    differing = compared_with_save_model(task["folder"])
    print(json.dumps({"rows": rows, "control": control, "unlinked": unlinked, "differing": differing}))


main()
