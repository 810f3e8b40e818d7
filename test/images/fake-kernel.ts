/**
 * A source tree that looks like Linux 6.12 to the builder and is built by the real make at once.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MAKEFILE = `VERSION = 6
PATCHLEVEL = 12
SUBLEVEL = 99

export OUT := $(CURDIR)

# As the real one does: output goes where KBUILD_OUTPUT says, and these change what is built.
DEST := $(if $(KBUILD_OUTPUT),$(KBUILD_OUTPUT)/)
FOREIGN := $(ARCH)$(CROSS_COMPILE)$(KCFLAGS)$(KCPPFLAGS)$(CFLAGS)$(LDFLAGS)$(LOCALVERSION)
FOREIGN += $(if $(filter environment,$(origin CC)),$(CC))

mrproper:
	@rm -f .config

allnoconfig:
	@cp $(KCONFIG_ALLCONFIG) $(DEST).config
	@sed -i '/CONFIG_DROPPED/d' $(DEST).config

bzImage: arch/x86/boot/bzImage
Image: arch/arm64/boot/Image

first.o: first.c
	@echo "  CC      first.o"
	@cat first.c > $@
	@echo built first.o >> $(LOG)

second.o: second.c first.o
	@echo "  CC      second.o"
	@if grep -q broken second.c; then echo "second.c:1: error: broken"; exit 1; fi
	@if [ -e $(HOLD) ]; then touch $(HOLD).reached; while [ -e $(HOLD) ]; do sleep 0.02; done; fi
	@cat second.c > $@
	@echo built second.o >> $(LOG)

arch/%: first.o second.o
	@mkdir -p $(@D)
	@cat first.o second.o > $@
	@printf '%s' '$(strip $(FOREIGN))' >> $@
	@echo "  LD      $@"
`;

export interface FakeKernel {
  readonly tree: string;
  /** While this file exists, make stops in the middle; `.reached` appears when it got there. */
  readonly hold: string;
  /** One line per file compiled. */
  readonly log: string;
}

export async function writeFakeKernel(dir: string, second = 'second\n'): Promise<FakeKernel> {
  const tree = join(dir, 'linux');
  const hold = join(dir, 'hold');
  const log = join(dir, 'compiled');
  await mkdir(tree, { recursive: true });
  const makefile = MAKEFILE.replaceAll('$(HOLD)', hold).replaceAll('$(LOG)', log);
  await writeFile(join(tree, 'Makefile'), makefile);
  await writeFile(join(tree, 'first.c'), 'first\n');
  await writeFile(join(tree, 'second.c'), second);
  await writeFile(log, '');
  return { tree, hold, log };
}
