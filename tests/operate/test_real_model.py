"""The load test and the Python example against an exported model, whatever its columns are."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import grpc
import load_test
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

from tests import toy
from tests.operate.conftest import SERVING
from tests.operate.prediction_server import PredictionServer
from tfprompt import recommend

TEMPLATE = "{soft:2} user {age} {occupation} watched {history:items}"


class ModelServer(PredictionServer):
    """Runs a SavedModel's own signatures, and wants every input of them."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._signatures = tf.saved_model.load(str(directory)).signatures
        saved = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
        self._definitions = saved.meta_graphs[0].signature_def

    def Predict(self, request: Any, context: Any) -> predict_pb2.PredictResponse:  # noqa: N802
        signature = self._signatures[request.model_spec.signature_name or "serving_default"]
        wanted = set(signature.structured_input_signature[1])
        if set(request.inputs) != wanted:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"inputs are {sorted(wanted)}")
        self.requests.append(request)
        inputs = {n: tf.constant(tf.make_ndarray(t)) for n, t in request.inputs.items()}
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for name, value in signature(**inputs).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return response

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in self._definitions.items():
            found.signature_def[name].CopyFrom(definition)
        answer = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
        answer.metadata["signature_def"].Pack(found)
        return answer


@pytest.mark.slow
def test_an_exported_model_is_asked_with_all_its_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Without a warm-up file, the first request waits for what TensorFlow prepares lazily.
    monkeypatch.setenv("TIMEOUT_S", "60")
    model = toy.retriever(TEMPLATE)
    directory = model.export(tmp_path / "demo" / "1", k=5)
    given = {"history": ["i1", "i4", "i2"], "age": "25", "occupation": "artist"}
    rows = tmp_path / "requests.jsonl"
    rows.write_text(f"{json.dumps(given)}\n{json.dumps({'wish': 'star night'})}\n")
    with ModelServer(directory) as server:
        client = runpy.run_path(str(SERVING / "clients" / "recommend.py"))["Client"]
        items = client(server.address, "demo").recommend(given)
        command = ["--target", server.address, "--model", "demo", "--inputs", str(rows), "--rate",
                   "20", "--requests", "20", "--timeout-s", "60", "--output",
                   str(tmp_path / "load.json")]  # fmt: skip
        assert load_test.main(command) == 0, capsys.readouterr().err
    step = json.loads((tmp_path / "load.json").read_text("utf-8"))["steps"][0]
    assert step["codes"] == {"OK": 20}
    expected = recommend(
        model, history=given["history"], k=5,
        profile={"age": 25, "occupation": "artist"},
    )  # fmt: skip
    assert [item for item, _ in items] == [each.item_id for each in expected]
    assert [score for _, score in items] == pytest.approx(
        [each.score for each in expected], abs=1e-5
    )
