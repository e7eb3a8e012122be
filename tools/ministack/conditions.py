"""Condition keys that MiniStack 1.5.33 does not know: dynamodb:LeadingKeys and s3:if-none-match (with s3:ObjectCreationOperation). Requests over the loopback count as TLS.

Imported by launch.py; it matters where AUTH=true. Source: "Actions, resources, and condition keys for Amazon DynamoDB", and for Amazon S3, in the Service Authorization Reference.
"""
import json

from ministack.core import iam_actions, iam_evaluator

_KEY = "pk"  # of both tables of Millrace


def _text(attribute):
    return attribute.get("S") if isinstance(attribute, dict) else None


def _leading(request):
    """Partition keys that a request names, of the tables of Millrace."""
    found = []
    for holder in ("Key", "Item"):
        if isinstance(request.get(holder), dict):
            found.append(_text(request[holder].get(_KEY)))
    if "KeyConditionExpression" in request:
        names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
        for clause in request["KeyConditionExpression"].split(" AND "):
            left, _, right = clause.partition(" = ")
            if names.get(left.strip(), left.strip()) == _KEY and right.strip() in values:
                found.append(_text(values[right.strip()]))
    for batch in (request.get("RequestItems") or {}).values():
        keys = batch.get("Keys", []) if isinstance(batch, dict) else []
        found += [_text(key.get(_KEY)) for key in keys]
        writes = batch if isinstance(batch, list) else []
        found += [_text(((w.get("PutRequest") or {}).get("Item") or (w.get("DeleteRequest") or {}).get("Key") or {}).get(_KEY)) for w in writes]
    return [key for key in found if key is not None]


_dynamodb = iam_actions.dynamodb_service_context


def dynamodb_service_context(body):
    context = _dynamodb(body)
    try:
        keys = _leading(json.loads(body or b"{}"))
    except ValueError:
        return context
    if keys:
        context["dynamodb:LeadingKeys"] = keys
    return context


iam_actions.dynamodb_service_context = dynamodb_service_context



class ArnWithKey(str):
    """The table of one item of a transaction, with the keys that this item names: each is authorized by itself."""

    leading_keys = ()


_transaction_checks = iam_actions.dynamodb_transaction_checks


def dynamodb_transaction_checks(iam_action, body, region, account_id):
    checks = []
    items = (json.loads(body or b"{}") or {}).get("TransactItems") or [] if iam_action.startswith("dynamodb:Transact") else []
    for item in items:
        single = json.dumps({"TransactItems": [item]}).encode()
        for action, arn in _transaction_checks(iam_action, single, region, account_id):
            keyed = ArnWithKey(arn)
            keyed.leading_keys = [key for operation in item.values() for key in _leading(operation)]
            checks.append((action, keyed))
    return checks


iam_actions.dynamodb_transaction_checks = dynamodb_transaction_checks

# Batches have no action of their own: "SendMessage also applies to SendMessageBatch", and so on.
_SINGLE = {"sqs:SendMessageBatch": "sqs:SendMessage", "sqs:DeleteMessageBatch": "sqs:DeleteMessage", "sns:PublishBatch": "sns:Publish"}

_enforce = iam_evaluator.enforce


def enforce(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    if isinstance(resource_arn, ArnWithKey):
        service_context = {**(service_context or {}), "dynamodb:LeadingKeys": resource_arn.leading_keys}
    iam_action = _SINGLE.get(iam_action, iam_action)
    return _enforce(access_key_id, iam_action, service, region, resource_arn=resource_arn, service_context=service_context)


iam_evaluator.enforce = enforce

_s3 = iam_actions._s3_object_context


def _s3_object_context(iam_action, query_params, path, headers):
    context = _s3(iam_action, query_params, path, headers)
    if iam_action == "s3:PutObject":
        lower = {name.lower(): value for name, value in headers.items()}
        if lower.get("if-none-match"):
            context["s3:if-none-match"] = lower["if-none-match"]
        context["s3:ObjectCreationOperation"] = "false" if query_params.get("uploadId") else "true"
    return context


iam_actions._s3_object_context = _s3_object_context

_resolve = iam_evaluator._resolve_condition_key


def _resolve_condition_key(key, ctx):
    # Certificates would have to be made and trusted for a loopback that nobody can listen to.
    return "true" if key.lower() == "aws:securetransport" else _resolve(key, ctx)


iam_evaluator._resolve_condition_key = _resolve_condition_key
