#pragma once

void test_builder(void);
void test_json(void);
void test_requests(void);
void test_replies(void);
void test_headers(void);
void test_latency(void);
void test_keep_alive(void);
void test_pipelined(void);
void test_hostile(void);
void test_big_body(void);
void test_many_clients(void);
void test_timeout(void);
void test_drain(void);
