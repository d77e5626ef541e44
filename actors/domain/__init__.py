"""The pure core: tickets, holds, seating, money and ids. Standard library only, no clock, no I/O."""
