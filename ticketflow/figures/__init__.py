"""The figures of a sale: read at one moment, recorded each second, and given back as charts."""
