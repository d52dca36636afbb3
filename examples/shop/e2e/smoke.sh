#!/bin/bash
# Is it alive? One order, there and back, in well under a second. BASE: the address of orders.
set -u
cd "$(dirname "$0")" || exit 2
. ./http.sh
SUITE=smoke
: "${BASE:?set BASE to the address of orders, http://127.0.0.1:PORT}"

request GET "$BASE/healthz"
expect orders_is_ready 200 "$STATUS"
request POST "$BASE/orders" '{"item":"tea","quantity":1}' demo-smoke
expect order_is_placed 201 "$STATUS"
id=$(member id)
request GET "$BASE/orders/$id" '' demo-smoke
expect order_is_found "200 tea" "$STATUS $(member item)"
finish out/smoke.xml
