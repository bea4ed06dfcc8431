# amphora: one readable Makefile. `make help` lists what it does.
# Objects go to build/<variant>/, headers are tracked with -MMD.

CC ?= gcc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
VARIANT ?= release
BUILD := build/$(VARIANT)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wvla -Werror
CFLAGS ?= -O2 -g
BASE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) -fno-strict-aliasing

LIBRARIES := libseccomp libcap talloc json-c
LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
LIB_LIBS := $(shell $(PKG_CONFIG) --libs $(LIBRARIES) 2>/dev/null)

SOURCES := $(sort $(wildcard core/*/*.c core/front/*/*.c probe/*.c ns_backend/*.c \
	ptrace_backend/*.c ptrace_backend/arch/x86_64/*.c netstack/*.c))
MAIN := core/front/amphora/main.c
LIBRARY_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(MAIN),$(SOURCES)))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))

all: $(BUILD)/amphora

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/amphora: $(BUILD)/$(MAIN:.c=.o) $(LIBRARY_OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) -lpthread

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIBRARY_OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) -lcmocka -lpthread

unit: $(UNIT_TESTS)
	@for t in $(UNIT_TESTS); do echo "# $$t"; $$t || exit 1; done

-include $(shell find build -name '*.d' 2>/dev/null)
.PHONY: all unit
