# How every unit of the shop is linted, built and tested. A unit's Makefile sets NAME and includes this.
# Nothing is written outside the unit's own directory, and the same sources give the same bytes: no
# dates, no absolute paths, no build ids.
CC       := gcc
SHARED   ?= ../../libs/shared
CPPFLAGS := -D_GNU_SOURCE -I$(SHARED)/include -Isrc
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wundef -Wcast-qual \
            -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS   := -std=gnu17 -O2 -pthread $(WARNINGS)
HEADERS  := $(wildcard src/*.h $(SHARED)/include/shared/*.h)
SOURCES  := $(wildcard src/*.c)
TESTS    := $(wildcard tests/*.c)

.PHONY: lint build test clean
.DEFAULT_GOAL := build
