/* SPDX-License-Identifier: Apache-2.0 */
/* A machine without an operating system that does a known number of accesses to three regions. */
.code32
.section .multiboot, "a"
.align 4
.long 0x1badb002, 0, -0x1badb002
.text
.globl _start
_start:
	cli
	mov $stack_top, %esp
	mov $directory_low, %edi
	mov $0x83, %eax
	call fill
	mov $directory_high, %edi
	mov $0x83, %eax
	movl $1, high
	call fill
	movl $directory_low + 1, pointers
	movl $directory_high + 1, pointers + 8
	mov %cr4, %eax
	or $0x20, %eax
	mov %eax, %cr4
	mov $pointers, %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	/* The first region, at 4 GiB: a store in each of 4096 lines. */
	mov $0x40000000, %edi
	mov $4096, %ecx
1:	movl $7, (%edi)
	add $64, %edi
	dec %ecx
	jnz 1b
	/* The second, 256 MiB further: 64 lines, loaded 100 times. */
	mov $100, %edx
2:	mov $0x50000000, %edi
	mov $64, %ecx
3:	mov (%edi), %eax
	add $64, %edi
	dec %ecx
	jnz 3b
	dec %edx
	jnz 2b
	/* The third, 512 MiB further: a page stored byte by byte. */
	mov $0x60000000, %edi
	mov $4096, %ecx
	xor %eax, %eax
	rep stosb
	/* And a load across two lines. */
	mov 0x6000203e, %eax
	mov $0xf4, %dx
	mov $1, %al
	out %al, %dx
4:	hlt
	jmp 4b
fill:
	mov $512, %ecx
5:	mov %eax, (%edi)
	mov high, %ebx
	mov %ebx, 4(%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 5b
	ret
.bss
.align 4096
directory_low: .skip 4096
directory_high: .skip 4096
pointers: .skip 4096
high: .skip 4
.skip 4096
stack_top:
