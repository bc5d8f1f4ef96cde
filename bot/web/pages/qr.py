"""QR codes as the pages show them."""

import segno


def qr_image(link: str) -> str:
    """The code of a link as a ``data:`` address of an SVG. It is black on white whatever the page's colours are."""
    image: str = segno.make_qr(link, error="m").svg_data_uri(scale=8, border=3, dark="#000", light="#fff")
    return image
