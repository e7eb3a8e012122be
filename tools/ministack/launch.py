"""Starts MiniStack 1.5.33, an emulator of AWS, with the gaps closed that matter to what Millrace deploys.

    GATEWAY_PORT=4566 BIND_HOST=127.0.0.1 .cache/ministack/bin/python tools/ministack/launch.py

Each patch replaces a named function of exactly this version, and refuses any other:

1. Event source mappings of DynamoDB streams: a thread for each mapping (the emulator runs all of them in one thread, one batch after another), with retries, bisection, maximum age,
   partial batch responses and the on-failure destination.
2. CloudFormation: the time to live of tables and the reserved concurrency of functions.
3. Functions in Node: the type of an error is its name, and an environment whose handler has rejected is used again, as on Lambda.
4. No wait of 50 ms for lines of a function that writes none.

Where AUTH=true, policies are enforced: conditions.py has the keys of conditions that the emulator does not know.
"""
import importlib.metadata
import threading
import time

WANTED = "1.5.33"
FOUND = importlib.metadata.version("ministack")
if FOUND != WANTED:
    raise SystemExit(f"tools/ministack/launch.py is written for ministack {WANTED}, found {FOUND}")

import conditions  # noqa: E402, F401
from ministack import app  # noqa: E402
from ministack.core import lambda_runtime  # noqa: E402
from ministack.services import dynamodb, lambda_svc  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

wake_pollers = getattr(lambda_svc, "_esm_wake", None) or lambda_svc.esm_wake
lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.005

# ---- 1. mappings of streams ----------------------------------------------------------------------
mappings = {}  # UUID -> {"position", "busy", "tries", "size", "until"}
mappings_lock = threading.Lock()


def sequence_of(record):
    return (record.get("dynamodb") or {}).get("SequenceNumber")


def first_failed(mapping, result, given):
    """The position of the first record that is to be given again; None when all went well."""
    if result.get("error"):
        return given[0][0]
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return None
    body = result.get("body")
    if isinstance(body, dict) and body.get("batchItemFailures"):
        named = {failure.get("itemIdentifier") for failure in body["batchItemFailures"]}
        positions = [position for position, record in given if sequence_of(record) in named]
        return min(positions) if positions else given[0][0]
    return given[0][0] if body is not None and not isinstance(body, dict) else None


def why_given_up(mapping, tries, left, is_cut):
    attempts = mapping.get("MaximumRetryAttempts")
    attempts = -1 if attempts is None else int(attempts)
    if 0 <= attempts < tries and not is_cut:
        return "RetryAttemptsExhausted"
    age = int(mapping.get("MaximumRecordAgeInSeconds") or -1)
    oldest = float((left[0][1].get("dynamodb") or {}).get("ApproximateCreationDateTime", time.time()))
    return "MaxRecordAgeExceeded" if age > 0 and time.time() - oldest > age else None


def run_batch(account, region, mapping, function, arn, state, records):
    """Gives a batch, [(position, record)], to the function without what its filters leave out, then moves the state."""
    lambda_svc._request_account_id.set(account)
    lambda_svc._request_region.set(region)
    try:
        end = records[-1][0] + 1
        given = [(p, r) for p, r in records if lambda_svc._apply_filter_criteria([r], mapping)]
        if not given:
            state.update(position=end, tries=0, size=None)
            return
        result = lambda_svc._execute_function(function, {"Records": [record for _, record in given]})
        failed = first_failed(mapping, result, given)
        if failed is None:
            mapping["LastProcessingResult"] = f"OK - {len(given)} records"
            state.update(position=end, tries=0, size=None)
            return
        mapping["LastProcessingResult"] = "FAILED"
        left = [(p, r) for p, r in given if p >= failed]
        has_progressed = failed > given[0][0]
        tries = 1 if has_progressed else state["tries"] + 1
        size = state["size"]
        if mapping.get("BisectBatchOnFunctionError") and len(left) > 1 and not has_progressed:
            size = max(1, len(records) // 2)
        reason = why_given_up(mapping, tries, left, bool(size and size < len(records)))
        if reason:
            lambda_svc._send_ddb_stream_failure_record(mapping, function, [r for _, r in left], arn, result, reason)
            state.update(position=end, tries=0, size=None)
        else:
            state.update(position=failed, tries=tries, size=size, until=time.time() + min(0.1 * 2 ** min(tries, 6), 5))
    except Exception:
        lambda_svc.logger.exception("stream mapping %s", mapping.get("UUID"))
        state["until"] = time.time() + 1
    finally:
        state["busy"] = False
        wake_pollers.set()


def next_batch(account, region, mapping):
    """Begins the next batch of a mapping; whether there was one."""
    arn = mapping.get("EventSourceArn", "")
    try:
        spec = lambda_svc.parse_arn(arn)
    except lambda_svc.ArnParseError:
        return False
    if not mapping.get("Enabled", True) or spec.service != "dynamodb":
        return False
    found = lambda_svc._dynamodb_stream_table_from_arn_spec(spec)
    table = found and dynamodb._tables.get(found[0])
    if not table or table.get("LatestStreamArn") != arn:
        return False
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None:
        return False
    low, high = dynamodb.stream_start_position(found[0]), dynamodb.stream_end_position(found[0])
    with mappings_lock:
        begin = low if mapping.get("StartingPosition") == "TRIM_HORIZON" else high
        state = mappings.setdefault(mapping["UUID"], {"position": begin, "busy": False, "tries": 0, "size": None, "until": 0})
        position = max(state["position"], low)
        if state["busy"] or state["until"] > time.time() or position >= high:
            return False
        records = dynamodb.stream_records_since(found[0], position, state["size"] or mapping.get("BatchSize", 100))
        if not records:
            return False
        state["busy"] = True
    args = (account, region, mapping, function, arn, state, list(enumerate(records, position)))
    threading.Thread(target=run_batch, daemon=True, args=args).start()
    return True


def poll_streams():
    begun = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        tokens = lambda_svc._request_account_id.set(account), lambda_svc._request_region.set(region)
        try:
            begun = next_batch(account, region, mapping) or begun
        finally:
            lambda_svc._request_account_id.reset(tokens[0])
            lambda_svc._request_region.reset(tokens[1])
    return begun


def wake_for_retries():
    while True:
        time.sleep(0.1)
        if any(state["until"] and not state["busy"] for state in list(mappings.values())):
            wake_pollers.set()


lambda_svc._poll_dynamodb_streams = poll_streams
threading.Thread(target=wake_for_retries, daemon=True).start()


# ---- 2. properties that CloudFormation drops -----------------------------------------------------
def set_time_to_live(name, properties):
    spec = properties.get("TimeToLiveSpecification")
    if spec and spec.get("AttributeName"):
        enabled = str(spec.get("Enabled", True)).lower() == "true"
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": {"AttributeName": spec["AttributeName"], "Enabled": enabled}})


def set_concurrency(name, properties):
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(reserved)})
    else:
        lambda_svc._functions.get(name, {}).pop("concurrency", None)


def follow_with(resource_type, after):
    handler = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handler["create"], handler.get("update")

    def create_then(logical_id, properties, stack, *args, **named):
        made = create(logical_id, properties, stack, *args, **named)
        after(made[0], properties)
        return made

    def update_then(physical_id, old, new, stack, *args, **named):
        made = update(physical_id, old, new, stack, *args, **named)
        after(made[0] if isinstance(made, tuple) else physical_id, new)
        return made

    handler["create"] = create_then
    if update:
        handler["update"] = update_then


for table_type in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
    follow_with(table_type, set_time_to_live)
follow_with("AWS::Lambda::Function", set_concurrency)

# ---- 3. errors of functions in Node --------------------------------------------------------------
script = lambda_runtime._NODEJS_WORKER_SCRIPT
told = '''status: "error", error: String(err.message || err), trace: err.stack || ""'''
assert script.count(told) == 1
script = script.replace(
    told,
    '''status: "error", alive: true, type: (err && err.name) || "Error", error: String((err && err.message) || err), trace: (err && err.stack) || ""''',
)
lambda_runtime._NODEJS_WORKER_SCRIPT = script.replace(
    "url.parse(endpoint)",
    '''(u => ({ hostname: u.hostname.replace(/^\\[|\\]$/g, ""), port: u.port, protocol: u.protocol }))(new url.URL(endpoint))''',
)

kept = threading.local()
last_type = threading.local()
signal, collect, invoke = lambda_runtime._signal, lambda_runtime._collect, lambda_runtime.Worker.invoke


def invoke_and_keep(self, *args, **named):
    """A handler that has rejected leaves a healthy process behind."""
    kept.on = True
    try:
        result = invoke(self, *args, **named)
    finally:
        held, kept.on = getattr(kept, "held", None), False
        kept.held = None
    if held is not None and result.get("alive"):
        self._proc = held
    elif held is not None:
        signal(held)
        collect(held, time.monotonic() + lambda_runtime._REAP_GRACE)
    last_type.value = result.get("type") if result.get("status") == "error" else None
    return result


def signal_unless_kept(process):
    if getattr(kept, "on", False) and process is not None and process.poll() is None:
        kept.held = process
    else:
        signal(process)


def collect_unless_kept(process, deadline):
    if getattr(kept, "held", None) is not process:
        collect(process, deadline)


lambda_runtime.Worker.invoke = invoke_and_keep
lambda_runtime._signal, lambda_runtime._collect = signal_unless_kept, collect_unless_kept
execute_warm = lambda_svc._execute_function_warm


def execute_with_type(function, event, request_id):
    last_type.value = None
    answer = execute_warm(function, event, request_id)
    if answer.get("error") and getattr(last_type, "value", None) and isinstance(answer.get("body"), dict):
        answer["body"]["errorType"] = last_type.value
        answer["body"].setdefault("trace", [line for line in answer.get("log", "").split("\n") if line][-10:])
    return answer


lambda_svc._execute_function_warm = execute_with_type

# ---- 4. no wait for lines ------------------------------------------------------------------------
drain = lambda_runtime.Worker._drain_stderr_bounded
lambda_runtime.Worker._drain_stderr_bounded = lambda self, **_: drain(self, first_line_wait=0.003, idle_confirm=0.002, hard_cap=0.05)

if __name__ == "__main__":
    app.main()
