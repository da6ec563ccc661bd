"""Arrays of devices: mapping schemes, converters, wires, and the crossbar that reads them."""
