# amphora: one readable Makefile. `make help` lists what it does.
#
# Objects go to build/<variant>/, headers are tracked with -MMD, the binary is build/amphora.
# What this machine offers (static libraries, libunwind) is found by compiling, once, into
# build/<variant>/features.mk.

VARIANT ?= release
ARCH ?= $(shell uname -m)
BUILD := build/$(VARIANT)
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wvla -Werror -Wno-format-truncation -Wno-format-nonliteral \
	-Wno-unknown-warning-option
BASE_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) -fno-strict-aliasing -fPIE
HARDENING := -fstack-protector-strong
# The resolver also runs inside the guest, where there is no libc and no TLS.
FREESTANDING := -ffreestanding -fno-stack-protector
# The loader is copied into other processes: position independent, no vector registers, no
# sanitizer, no landing pads, whatever CFLAGS say.
LOADER_CFLAGS := -O2 -g -ffreestanding -fPIC -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -fno-tree-vectorize -mgeneral-regs-only -fno-jump-tables \
	-fno-tree-loop-distribute-patterns -fno-tree-switch-conversion
ifneq ($(ARCH),x86_64)
LOADER_CFLAGS := $(filter-out -fcf-protection=none,$(LOADER_CFLAGS))
endif
# The largest that a kernel may have: whatever a linker's own default is.
LARGEST_PAGE := -z,max-page-size=$(if $(filter x86_64,$(ARCH)),4096,65536)
# 32-bit programs: the loader once more, as a 32-bit program of its own. Needs no 32-bit library.
COMPAT_CC ?= $(if $(filter x86_64,$(ARCH)),$(CC) -m32,arm-linux-gnueabihf-gcc -marm)
COMPAT_CFLAGS = -std=gnu11 -I. $(WARNINGS) -fno-strict-aliasing $(LOADER_CFLAGS) -fomit-frame-pointer -nostdlib \
	-static-pie -Wl,--no-dynamic-linker,--build-id=none,-z,norelro,$(LARGEST_PAGE),-e,amphora_loader,-s
ifneq ($(findstring clang,$(shell $(CC) --version)),)
LOADER_CFLAGS := $(filter-out -fno-tree-%,$(LOADER_CFLAGS)) -fno-vectorize -fno-slp-vectorize
endif

# gcc keeps the order of the source only when told so.
STUB_CFLAGS := $(if $(findstring clang,$(shell $(CC) --version)),,-fno-toplevel-reorder)
ifeq ($(ARCH),aarch64)
STUB_CFLAGS += -ffixed-x18 -mbranch-protection=none
endif

LIBRARIES := libseccomp libcap talloc json-c
LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
LIB_LIBS := $(shell $(PKG_CONFIG) --libs $(LIBRARIES) 2>/dev/null || echo -lseccomp -lcap -ltalloc -ljson-c)

MAIN := core/front/amphora/main.c
SOURCES := $(sort $(filter-out bench/micro_program.c,$(wildcard bench/*.c)) \
	$(wildcard core/*/*.c core/front/*/*.c probe/*.c ns_backend/*.c netstack/*.c \
	ptrace_backend/*.c ptrace_backend/loader/loader.c ptrace_backend/stub/*.c ptrace_backend/arch/$(ARCH)/*.c))
LIBRARY_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(MAIN),$(SOURCES)))
LIBRARY := $(BUILD)/libamphora.a
BINARY := $(if $(filter release,$(VARIANT)),build/amphora,$(BUILD)/amphora)
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))
DIFF_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/diff/*_diff.c)))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
HELPER_SOURCES := $(wildcard tests/behave/helpers/*.c tests/behave/helpers/$(ARCH)/*.c)
HELPERS := $(addprefix build/helpers/,$(basename $(notdir $(HELPER_SOURCES))) micro)
MICRO := $(addprefix bench/,micro_program.c micro.c rows.c calls.c processes.c commands.c)
NAMES := amphora-oci amphora-proot proot
NO_CONFIG := help deps deps-cross clean lint fuzz asan cross demo check

all: $(BINARY) $(addprefix $(dir $(BINARY)),$(NAMES))

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)

#: make               build/amphora
#: make demo          installs what is missing, builds, runs a command in a container
#: make check         unit tests, resolver against the kernel, behaviour tests on both backends
#: make lint          clang-tidy, cppcheck, shellcheck, house rules
#: make asan          unit tests under ASan and UBSan
#: make fuzz          every fuzz target for FUZZ_SECONDS (10) each
#: make bench         native, namespaces, ptrace, PRoot, bubblewrap side by side (BENCH_FLAGS=--quick)
#: make lab           real kernels in QEMU, x86-64 and arm64 (LAB_FLAGS=--short: two, minutes)
#: make install       PREFIX=/usr/local DESTDIR=
#: make cross         ARCH=aarch64: a static arm64 binary
#: make deps          packages by apt (other distributions: README.md)
#: make STATIC=0      a dynamically linked binary

# ---- what the machine offers ---------------------------------------------------------------
# A static-pie starts 0.2 ms sooner than a dynamic binary and keeps ASLR.
define TEST_STATIC
#include <json-c/json.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <talloc.h>
int main(void) { return !talloc_new(0) + !seccomp_init(0) + !cap_get_proc() + !json_object_new_object(); }
endef
define TEST_UNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
int main(void) { unw_context_t context; return unw_getcontext(&context); }
endef
define TEST_COMPAT
void amphora_loader(void);
void amphora_loader(void) { }
endef
export TEST_STATIC TEST_UNWIND TEST_COMPAT
UNWIND_LIBS := -lunwind -llzma

# $(call links,program variable,flags): shell condition, true when the program links
links = printf '%s\n' "$$$(1)" | $(CC) $(CFLAGS) $(LIB_CFLAGS) -fPIE -x c - -o $(BUILD)/feature $(2) 2>/dev/null

$(BUILD)/features.mk: Makefile
	@mkdir -p $(@D)
	@: >$@.new
	@if $(call links,TEST_STATIC,-static-pie $(LIB_LIBS)); then echo 'STATIC ?= 1' >>$@.new; fi
	@if $(call links,TEST_UNWIND,-static-pie $(UNWIND_LIBS)); then echo 'UNWIND ?= 1' >>$@.new; fi
	@if $(call links,TEST_UNWIND,$(UNWIND_LIBS)); then echo 'UNWIND_DYNAMIC ?= 1' >>$@.new; fi
	@if printf '%s\n' "$$TEST_COMPAT" | $(COMPAT_CC) $(COMPAT_CFLAGS) -x c - -o $(BUILD)/feature 2>/dev/null; then \
		echo 'COMPAT ?= 1' >>$@.new; \
	else echo '  note: $(COMPAT_CC) makes no program; 32-bit programs will not run in the ptrace backend'; fi
	@rm -f $(BUILD)/feature; mv $@.new $@
ifneq ($(filter-out $(NO_CONFIG),$(or $(MAKECMDGOALS),all)),)
include $(BUILD)/features.mk
endif
STATIC ?= 0
ifneq ($(STATIC),1)
UNWIND := $(UNWIND_DYNAMIC)
endif
ifeq ($(UNWIND),1)
FEATURES += -DHAVE_LIBUNWIND=1
LIB_LIBS += $(UNWIND_LIBS)
endif
BINARY_LDFLAGS := $(if $(filter 1,$(STATIC)),-static-pie,-pie) -Wl,$(LARGEST_PAGE)
# core/start runs before the C library does.
START_LDFLAGS := -Wl,-e,amphora_start -Wl,--wrap=__clone3 -Wl,--wrap=__clone
START_CFLAGS := $(filter -fno-%,$(LOADER_CFLAGS)) -ffreestanding -mgeneral-regs-only

# ---- build ---------------------------------------------------------------------------------
# `make V=1` shows whole command lines.
SAY = $(if $(V),,@echo '  $(1) $@';)
COMPILE = $(CC) $(BASE_CFLAGS) $(FEATURES) $(LIB_CFLAGS) -MMD -MP

# Rebuilt when the flags change, and only then.
FLAGS = $(COMPILE) $(HARDENING) $(CFLAGS) / $(FREESTANDING) / $(LOADER_CFLAGS) / $(COMPAT_CC) $(COMPAT)
$(BUILD)/flags: always
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = "$(FLAGS)" ] || echo "$(FLAGS)" >$@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SAY,CC  )$(COMPILE) $(HARDENING) $(CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

$(BUILD)/core/path/%.o: HARDENING = $(FREESTANDING)
$(BUILD)/core/path/rootfs.o: HARDENING = -fstack-protector-strong
$(BUILD)/core/start/%.o: HARDENING = $(START_CFLAGS)

$(BUILD)/ptrace_backend/loader/%.o: ptrace_backend/loader/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SAY,CC  )$(filter-out -fPIE,$(COMPILE)) $(LOADER_CFLAGS) -c -o $@ $<
	@if nm $@ | grep -q ' U ' || readelf -SW $@ | grep -q '\.rela*loader_text'; then \
		echo 'the loader refers to something outside itself'; rm -f $@; exit 1; fi

# The stub of the fast path likewise; what it refers to lies in its own section.
$(BUILD)/ptrace_backend/stub/%.o: ptrace_backend/stub/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SAY,CC  )$(filter-out -fPIE,$(COMPILE)) $(LOADER_CFLAGS) $(STUB_CFLAGS) -c -o $@ $<
	@if nm $@ | grep -q ' U '; then echo 'the stub refers to something outside itself'; rm -f $@; exit 1; fi

COMPAT_LOADER_SOURCES := ptrace_backend/loader/loader.c ptrace_backend/loader/compat_script.c
$(BUILD)/loader32: $(COMPAT_LOADER_SOURCES) ptrace_backend/loader/loader.h $(wildcard ptrace_backend/arch/*/compat_loader_arch.h) \
		$(BUILD)/flags
	$(call SAY,CC32)$(COMPAT_CC) $(COMPAT_CFLAGS) -o $@ $(COMPAT_LOADER_SOURCES)
ifeq ($(COMPAT),1)
$(BUILD)/ptrace_backend/compat_image.o: EXTRA_CFLAGS = -DCOMPAT_LOADER='"$(BUILD)/loader32"'
$(BUILD)/ptrace_backend/compat_image.o: $(BUILD)/loader32
endif

# The version is an input of one object: rebuilt when it changes, and only then.
$(BUILD)/core/front/amphora/verb_version.o: EXTRA_CFLAGS = -DAMPHORA_VERSION='"$(VERSION)"'
$(BUILD)/core/front/amphora/verb_version.o: $(BUILD)/version
$(BUILD)/version: always
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = '$(VERSION)' ] || echo '$(VERSION)' >$@

# Written beside and renamed: the binary in place is always a whole one.
$(LIBRARY): $(LIBRARY_OBJECTS)
	@rm -f $@.$$$$ && $(AR) rcs $@.$$$$ $^ && mv $@.$$$$ $@

$(BINARY): $(BUILD)/$(MAIN:.c=.o) $(LIBRARY_OBJECTS)
	$(call SAY,LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(BINARY_LDFLAGS) $(START_LDFLAGS) -o $@.$$$$ $^ $(LIB_LIBS) -lpthread && \
		mv $@.$$$$ $@

$(addprefix $(dir $(BINARY)),$(NAMES)): | $(BINARY)
	@ln -sf amphora $@

vpath %.c tests/behave/helpers tests/behave/helpers/$(ARCH)
build/helpers/%: %.c
	@mkdir -p $(@D)
	$(call SAY,CC  )$(CC) -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -Wno-unused-result -O1 -static -pthread \
		$(HELPER_LDFLAGS) -o $@ $<
build/helpers/requests build/helpers/requests32: $(wildcard tests/behave/helpers/requests*.h)
build/helpers/changes build/helpers/shuffle build/aarch64/helpers/changes build/aarch64/helpers/shuffle: tests/behave/helpers/random_path.h
# What bench/ times, whose stops are counted.
build/helpers/micro: $(MICRO) bench/rows.h bench/bench.h
	@mkdir -p $(@D)
	$(call SAY,CC  )$(CC) -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -O2 -static -pthread -o $@ $(MICRO)
build/aarch64/helpers/micro: $(MICRO) bench/rows.h bench/bench.h
	@mkdir -p $(@D)
	$(call SAY,CC  )aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -O2 -static -pthread -o $@ $(MICRO)
# Where wine's loader lies: vm.mmap_min_addr.
build/helpers/low build/aarch64/helpers/low: HELPER_LDFLAGS = -no-pie -Wl,-Ttext-segment=0x10000
build/helpers/wide: HELPER_LDFLAGS = -no-pie -Wl,-Ttext-segment=0x20000000
build/helpers/small-pages build/aarch64/helpers/small-pages: HELPER_LDFLAGS = -Wl,-z,max-page-size=4096

# 32-bit ones, without a library: there may be none.
COMPAT_HELPERS := $(patsubst tests/behave/helpers/compat/%.c,build/helpers/%,$(wildcard tests/behave/helpers/compat/*.c))
COMPAT_HELPER_CFLAGS := -std=gnu11 -I. -Wall -Wextra -Werror -O1 -ffreestanding -fno-stack-protector \
	-fomit-frame-pointer -fno-pie -no-pie -nostdlib -static
$(COMPAT_HELPERS): build/helpers/%: tests/behave/helpers/compat/%.c
	@mkdir -p $(@D)
	$(call SAY,CC32)$(COMPAT_CC) $(COMPAT_HELPER_CFLAGS) -o $@ $<

# Some once more as 32-bit programs, as NAME32, where there is a library for them.
LIBC32_HELPERS := $(if $(wildcard /usr/lib32/libc.a),$(addprefix build/helpers/,tracer32 requests32 filters32 view32))
$(LIBC32_HELPERS): build/helpers/%32: %.c
	@mkdir -p $(@D)
	$(call SAY,CC32)$(COMPAT_CC) -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -Wno-unused-result -O1 -static -pthread \
		-idirafter /usr/include/$(ARCH)-linux-gnu -o $@ $<

# Some once more, with musl and its dynamic linker, as musl-NAME.
MUSL_CC := $(shell command -v musl-gcc)
MUSL_HELPERS := $(if $(MUSL_CC),$(addprefix build/helpers/musl-,links work storm crowd tracer))
$(MUSL_HELPERS): build/helpers/musl-%: tests/behave/helpers/%.c
	@mkdir -p $(@D)
	$(call SAY,MUSL)$(MUSL_CC) -std=gnu11 -D_GNU_SOURCE -Dstrerrorname_np=strerror -I. -w -O1 -pthread \
		-idirafter /usr/include -idirafter /usr/include/$(ARCH)-linux-gnu -o $@ $<

helpers: $(HELPERS) $(if $(filter 1,$(COMPAT)),$(COMPAT_HELPERS) $(LIBC32_HELPERS)) $(MUSL_HELPERS)

# ---- tests ---------------------------------------------------------------------------------
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(LIBRARY)
	$(call SAY,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(LIB_LIBS) -lcmocka -lpthread

unit: $(UNIT_TESTS)
	@for t in $(UNIT_TESTS); do echo "# $$t"; $$t || exit 1; done

DIFF_CASES ?= 200000
diff: $(DIFF_TESTS)
	@for t in $(DIFF_TESTS); do echo "# $$t $(DIFF_CASES)"; $$t $(DIFF_CASES) || exit 1; done

behave: all helpers
	@tests/behave/run

check: deps
	@$(MAKE) --no-print-directory check-built
check-built: unit diff behave

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan: deps
	@UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) --no-print-directory VARIANT=asan STATIC=0 UNWIND_DYNAMIC=0 \
		CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE)' unit

# libFuzzer brings main(); a target is LLVMFuzzerTestOneInput() in tests/fuzz/fuzz_*.c.
FUZZ_SECONDS ?= 10
fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang STATIC=0 UNWIND_DYNAMIC=0 \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined' fuzz-built
fuzz-built: $(FUZZERS)
	@for t in $(FUZZERS); do echo "# $$t"; \
		corpus=tests/fuzz/corpus/$$(basename $$t); mkdir -p $(BUILD)/corpus/$$(basename $$t); \
		$$t -max_total_time=$(FUZZ_SECONDS) -timeout=5 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/ $(BUILD)/corpus/$$(basename $$t) \
			$$([ -d $$corpus ] && echo $$corpus) || exit 1; done
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIBRARY)
	$(call SAY,LINK)clang $(CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIB_LIBS) -lpthread

lint: deps
	@tests/lint.sh

# Real kernels, x86-64 and arm64, emulated: minutes a row of tests/lab/matrix.
LAB_HELPERS := $(patsubst tests/behave/helpers/%.c,build/aarch64/helpers/%,$(wildcard tests/behave/helpers/*.c))
build/aarch64/helpers/%: tests/behave/helpers/%.c
	@mkdir -p $(@D)
	$(call SAY,CC  )aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -Wno-unused-result -O1 \
		-static -pthread $(HELPER_LDFLAGS) -o $@ $<

build/aarch64/helpers/%: tests/behave/helpers/compat/%.c
	@mkdir -p $(@D)
	$(call SAY,CC32)arm-linux-gnueabihf-gcc -marm $(COMPAT_HELPER_CFLAGS) -o $@ $<
LAB_LIBC32_HELPERS := $(if $(wildcard /usr/arm-linux-gnueabihf/lib/libc.a),$(addprefix build/aarch64/helpers/,tracer32 requests32))
$(LAB_LIBC32_HELPERS): build/aarch64/helpers/%32: tests/behave/helpers/%.c
	@mkdir -p $(@D)
	$(call SAY,CC32)arm-linux-gnueabihf-gcc -marm -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -Wno-unused-result -O1 \
		-static -pthread -o $@ $<
LAB_HELPERS += build/aarch64/helpers/micro $(LAB_LIBC32_HELPERS) $(patsubst tests/behave/helpers/compat/%.c,build/aarch64/helpers/%,$(wildcard tests/behave/helpers/compat/*.c))

lab-built: all helpers
	@tests/lab/packages.sh tools
	@$(MAKE) --no-print-directory cross ARCH=aarch64
	@$(MAKE) --no-print-directory $(LAB_HELPERS)
lab: lab-built
	@tests/lab/run $(LAB_FLAGS)

bench: all
	@bench/run $(BENCH_FLAGS)

demo: deps
	@$(MAKE) --no-print-directory all
	@echo "# build/amphora plan host"; build/amphora plan host
	@echo "# build/amphora run host sh -c ..."
	@build/amphora run host sh -c 'ls -d /bin /etc /usr /dev/null; \
		echo "hello from inside the container: $$(id -un 2>/dev/null || id -u) (uid $$(id -u)) on $$(uname -n), $$(uname -sm)"'

# ---- packages, installing, other machines -----------------------------------------------------
deps:
	@tests/deps.sh
deps-cross:
	@tests/deps.sh cross $(ARCH)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/amphora
	ln -sf amphora $(DESTDIR)$(PREFIX)/bin/amphora-oci
	ln -sf amphora $(DESTDIR)$(PREFIX)/bin/amphora-proot
	install -m 644 $(wildcard docs/*.1) $(DESTDIR)$(PREFIX)/share/man/man1
	$(BINARY) completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/amphora
	$(BINARY) completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_amphora
	$(BINARY) completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/amphora.fish

CROSS_TRIPLET := $(ARCH)-linux-gnu
cross: deps-cross
	@$(MAKE) --no-print-directory VARIANT=$(ARCH) ARCH=$(ARCH) CC=$(CROSS_TRIPLET)-gcc AR=$(CROSS_TRIPLET)-ar \
		PKG_CONFIG=$(CROSS_TRIPLET)-pkg-config all

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(LIBRARY_OBJECTS) $(BUILD)/$(MAIN:.c=.o)) $(wildcard $(BUILD)/tests/*/*.d)
.SECONDARY:
.PHONY: all help unit diff behave helpers check check-built asan fuzz fuzz-built lint lab lab-built bench demo deps \
	deps-cross install cross clean always
