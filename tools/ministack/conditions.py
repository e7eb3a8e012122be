"""Two condition keys that MiniStack 1.5.33 does not know: dynamodb:LeadingKeys and s3:if-none-match (with s3:ObjectCreationOperation).

Import it before the server starts. Source: "Actions, resources, and condition keys for Amazon DynamoDB", and for Amazon S3, in the Service Authorization Reference.
"""
import json

from ministack.core import iam_actions

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
    for item in request.get("TransactItems") or []:
        for operation in item.values():
            found += _leading(operation)
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
