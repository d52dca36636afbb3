#!/bin/bash
# The whole shop through its front doors. BASE: orders; AUTH_URL and PAYMENTS_URL: the others, when known.
set -u
cd "$(dirname "$0")" || exit 2
. ./http.sh
SUITE=e2e
: "${BASE:?set BASE to the address of orders, http://127.0.0.1:PORT}"

request GET "$BASE/healthz"
expect orders_is_ready 200 "$STATUS"
request GET "$BASE/version"
expect orders_has_a_version orders "$(member name)"
request POST "$BASE/orders" '{"item":"tea","quantity":1}'
expect no_token_no_order 401 "$STATUS"
request POST "$BASE/orders" '{"item":"tea","quantity":1}' wrong
expect wrong_token_no_order 401 "$STATUS"
request POST "$BASE/orders" '{"item":"car","quantity":1}' demo-e2e
expect unknown_item 422 "$STATUS"
request POST "$BASE/orders" '{"item":"tea"' demo-e2e
expect malformed_order 400 "$STATUS"
request POST "$BASE/orders" '{"item":"tea","quantity":2}' demo-e2e
expect order_is_placed 201 "$STATUS"
expect order_is_paid paid "$(member status)"
expect order_has_its_price 900 "$(member total_cents)"
id=$(member id)
# Any replica must know it.
for try in 1 2 3 4; do
	request GET "$BASE/orders/$id" '' demo-e2e
	expect "order_is_found_$try" "200 900" "$STATUS $(member total_cents)"
done
request GET "$BASE/orders/o00000000000000000001" '' demo-e2e
expect unknown_order 404 "$STATUS"
if [ -n "${AUTH_URL-}" ]; then
	request GET "$AUTH_URL/check" '' demo-e2e
	expect auth_knows_the_user e2e "$(member user)"
fi
if [ -n "${PAYMENTS_URL-}" ]; then
	request POST "$PAYMENTS_URL/charge" '{"order":"e2e","amount_cents":500001}'
	expect payments_has_a_limit 402 "$STATUS"
fi
finish out/junit.xml
