"""What a product on arrays costs in energy, time and area, and what it would cost elsewhere."""
